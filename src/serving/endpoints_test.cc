#include "serving/endpoints.h"

#include <gtest/gtest.h>

#include "serving/internal/fake_registry.h"

namespace hoego::serving {
namespace {

using testing::FakeJournal;
using testing::FakeRegistry;
using testing::Version;

class EndpointsTest : public ::testing::Test {
 protected:
  EndpointsTest() { registry_.AddVersion(Version("films", 1)); }
  FakeRegistry registry_;
  FakeJournal journal_;
  Endpoints endpoints_{journal_, registry_};
};

TEST_F(EndpointsTest, EveryChangeIsInTheLogFirstAndGivesTheNextRevision) {
  EXPECT_EQ(*endpoints_.Put("home", R"({"model":"films@champion"})"), 1u);
  EXPECT_EQ(*endpoints_.Put("home", R"({"model":"films@champion","deadline_ms":5})"), 2u);
  EXPECT_EQ(*endpoints_.NewRevision("home", "test t1 started"), 3u);
  EXPECT_EQ(endpoints_.Find("home")->revision, 3u);
  EXPECT_EQ(endpoints_.Find("home")->definition.deadline.count(), 5);
  ASSERT_EQ(journal_.lines.size(), 3u);
  EXPECT_EQ(journal_.lines[0].kind, "endpoint");
  EXPECT_EQ(journal_.lines[0].name, "home");
  EXPECT_EQ(journal_.lines[2].kind, "route");
  EXPECT_EQ(journal_.lines[2].json, R"({"format":1,"revision":3,"reason":"test t1 started"})");
}

TEST_F(EndpointsTest, TheSameDefinitionAgainChangesNothing) {
  EXPECT_EQ(*endpoints_.Put("home", R"({"model":"films"})"), 1u);
  EXPECT_EQ(*endpoints_.Put("home", R"({"deadline_ms":50,"model":"films"})"), 1u);
  EXPECT_EQ(journal_.lines.size(), 1u);
}

TEST_F(EndpointsTest, NothingChangesWhenTheLogRefuses) {
  journal_.broken = Status::Unavailable("disk is full");
  EXPECT_EQ(endpoints_.Put("home", R"({"model":"films"})").status().code(), Code::kUnavailable);
  EXPECT_EQ(endpoints_.Find("home"), nullptr);
  journal_.broken = {};
  ASSERT_TRUE(endpoints_.Put("home", R"({"model":"films"})").ok());
  journal_.broken = Status::Unavailable("disk is full");
  EXPECT_FALSE(endpoints_.Remove("home").ok());
  EXPECT_FALSE(endpoints_.NewRevision("home", "x").ok());
  EXPECT_EQ(endpoints_.Find("home")->revision, 2u) << "the first one used up 1";
}

// The disk may have kept what it said it could not write.
TEST_F(EndpointsTest, ARecordThatWasSaidToHaveFailedDoesNotSpoilTheLog) {
  ASSERT_TRUE(endpoints_.Put("home", R"({"model":"films"})").ok());
  journal_.keeps_failed = true;
  journal_.broken = Status::Unavailable("fsync failed");
  EXPECT_FALSE(endpoints_.Put("home", R"({"model":"films/1"})").ok());
  EXPECT_FALSE(endpoints_.Remove("home").ok());
  journal_.broken = {};
  Endpoints meanwhile(journal_, registry_);
  for (const auto& line : journal_.lines) {
    ASSERT_TRUE(meanwhile.Apply(line.kind, line.name, line.json).ok());
  }
  EXPECT_EQ(meanwhile.Find("home"), nullptr) << "the last word of the log";
  ASSERT_TRUE(endpoints_.Put("home", R"({"model":"popular"})").ok());
  Endpoints again(journal_, registry_);
  for (const auto& line : journal_.lines) {
    ASSERT_TRUE(again.Apply(line.kind, line.name, line.json).ok());
  }
  EXPECT_EQ(again.Find("home")->definition.model, "popular");
  EXPECT_EQ(again.Find("home")->revision, 4u);
}

TEST_F(EndpointsTest, ReplayingTheLogGivesTheSameEndpoints) {
  ASSERT_TRUE(endpoints_.Put("home", R"({"model":"films","fallback":["popular"]})").ok());
  ASSERT_TRUE(endpoints_.Put("mail", R"({"model":"popular"})").ok());
  ASSERT_TRUE(endpoints_.NewRevision("home", "test").ok());
  ASSERT_TRUE(endpoints_.Remove("mail").ok());
  ASSERT_TRUE(endpoints_.Put("mail", R"({"model":"films/1"})").ok());

  FakeJournal unused;
  Endpoints again(unused, registry_);
  for (const auto& line : journal_.lines) {
    ASSERT_TRUE(again.Apply(line.kind, line.name, line.json).ok());
  }
  ASSERT_EQ(again.List().size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(again.List()[i]->name, endpoints_.List()[i]->name);
    EXPECT_EQ(again.List()[i]->json, endpoints_.List()[i]->json);
    EXPECT_EQ(again.List()[i]->revision, endpoints_.List()[i]->revision);
  }
  EXPECT_EQ(again.Find("home")->revision, 2u);
  EXPECT_EQ(again.Find("mail")->revision, 3u) << "a removed name goes on counting";
  EXPECT_EQ(*again.Put("home", R"({"model":"films/1"})"), 3u);
}

TEST_F(EndpointsTest, ALogThatDoesNotFollowIsRefused) {
  EXPECT_TRUE(endpoints_.Apply("model", "films", "whatever").ok()) << "not ours";
  const auto code = [this](std::string_view json) {
    return endpoints_.Apply("endpoint", "home", json).code();
  };
  EXPECT_EQ(code("{"), Code::kDataLoss);
  EXPECT_EQ(code(R"({"definition":{"model":"films"}})"), Code::kDataLoss);
  EXPECT_EQ(code(R"({"revision":2,"definition":{"model":"films"}})"), Code::kOk);
  EXPECT_EQ(code(R"({"revision":2,"definition":{"model":"films"}})"), Code::kDataLoss);
  EXPECT_EQ(code(R"({"revision":3,"definition":{"model":"m","exploration":{"kind":"slots"}}})"),
            Code::kFailedPrecondition)
      << "a downgrade refuses by name";
  EXPECT_EQ(code(R"({"format":2,"revision":3,"definition":{"model":"m"}})"),
            Code::kFailedPrecondition);
}

TEST_F(EndpointsTest, FieldsOfANewerServerSurvive) {
  ASSERT_TRUE(endpoints_
                  .Apply("endpoint", "home",
                         R"({"revision":1,"definition":{"model":"films","tint":"blue"}})")
                  .ok());
  EXPECT_EQ(endpoints_.Find("home")->json, R"({"model":"films","tint":"blue"})");
}

TEST_F(EndpointsTest, AnUnknownNameIsAnsweredWithTheNearestKnownOne) {
  ASSERT_TRUE(endpoints_.Put("home", R"({"model":"films"})").ok());
  EXPECT_EQ(endpoints_.Get("hoem").status().ToString(),
            "not_found: no endpoint \"hoem\", did you mean \"home\"?");
  EXPECT_EQ(endpoints_.Remove("zzzzzz").ToString(), "not_found: no endpoint \"zzzzzz\"");
  EXPECT_EQ(endpoints_.Put("x", R"({"model":"flims@champion"})").status().message(),
            "endpoint: \"flims@champion\": no registered model \"flims\", did you mean \"films\"?");
}

TEST_F(EndpointsTest, AnEndpointAndAModelCannotShareAName) {
  EXPECT_EQ(endpoints_.Put("films", R"({"model":"films"})").status().code(), Code::kAlreadyExists);
}

TEST_F(EndpointsTest, ChangesAreToldButNotFailures) {
  int told = 0;
  endpoints_.OnChange([&told] { ++told; });
  ASSERT_TRUE(endpoints_.Put("home", R"({"model":"films"})").ok());
  EXPECT_FALSE(endpoints_.Put("home", "{}").ok());
  ASSERT_TRUE(endpoints_.Remove("home").ok());
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace hoego::serving
