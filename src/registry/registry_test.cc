#include "registry/registry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <latch>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "registry/internal/memory_journal.h"

namespace hoego::registry {
namespace {

using internal::MemoryJournal;

ModelVersion VersionOf(std::string model) {
  ModelVersion version;
  version.model = std::move(model);
  return version;
}

class RegistryTest : public ::testing::Test {
 protected:
  void MakeFilms(uint32_t versions) {
    ASSERT_TRUE(registry_->CreateModel("films", "").ok());
    for (uint32_t v = 0; v < versions; ++v) {
      ASSERT_TRUE(registry_->CreateVersion(VersionOf("films")).ok());
    }
  }
  Result<AliasMove> Move(std::string_view alias, uint32_t version,
                         std::optional<uint32_t> expected = {}) {
    return registry_->MoveAlias("films", alias, version, expected, "why", "who");
  }
  // A registry that has only the journal to go by.
  std::unique_ptr<Registry> Replayed() {
    auto fresh = Registry::Make(other_journal_, clock_);
    for (const auto& entry : journal_.entries()) {
      const Status status = fresh->Apply(entry.kind, entry.name, entry.json, Time{});
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
    return fresh;
  }

  FakeClock clock_;
  MemoryJournal journal_;
  MemoryJournal other_journal_;
  std::unique_ptr<Registry> registry_ = Registry::Make(journal_, clock_);
};

TEST_F(RegistryTest, CreatesAModelOnce) {
  const auto model = registry_->CreateModel("films", "what to watch");
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->name, "films");
  EXPECT_EQ(model->description, "what to watch");
  EXPECT_EQ(model->created, clock_.Now());
  EXPECT_EQ(model->newest_version, 0u);
  EXPECT_EQ(registry_->CreateModel("films", "").status().code(), Code::kAlreadyExists);
  EXPECT_EQ(registry_->CreateModel("a/b", "").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(registry_->CreateModel("b", std::string(5'001, 'x')).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(registry_->GetModel("series").status().code(), Code::kNotFound);
  EXPECT_EQ(registry_->ListModels().size(), 1u);
  EXPECT_EQ(journal_.entries().size(), 1u);
}

TEST_F(RegistryTest, CountsVersionsFromOne) {
  MakeFilms(0);
  clock_.Advance(std::chrono::milliseconds(5));
  ModelVersion wanted;
  wanted.model = "films";
  wanted.version = 99;  // not the caller's business
  wanted.source = "blob:" + std::string(64, 'a');
  wanted.run_id = "0123";
  wanted.dataset_digest = "d";
  wanted.from_cut = "1";
  wanted.to_cut = "2";
  wanted.tags = {{"a", "1"}, {"키", "값"}};
  wanted.metrics = {{"ndcg@10", 0.125},
                    {"nan", std::numeric_limits<double>::quiet_NaN()},
                    {"up", std::numeric_limits<double>::infinity()},
                    {"down", -std::numeric_limits<double>::infinity()}};
  const auto made = registry_->CreateVersion(wanted);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(made->version, 1u);
  EXPECT_EQ(made->created, clock_.Now());
  const auto replayed = Replayed();
  for (const Registry* registry : {registry_.get(), replayed.get()}) {
    const auto held = registry->GetVersion("films", 1);
    EXPECT_EQ(held->source, wanted.source);
    EXPECT_EQ(held->run_id, "0123");
    EXPECT_EQ(held->dataset_digest, "d");
    EXPECT_EQ(held->from_cut + held->to_cut, "12");
    EXPECT_EQ(held->tags, wanted.tags);
    EXPECT_EQ(held->status, "READY");
    EXPECT_EQ(held->metrics.at("ndcg@10"), 0.125);
    EXPECT_TRUE(std::isnan(held->metrics.at("nan")));
    EXPECT_EQ(held->metrics.at("up"), std::numeric_limits<double>::infinity());
    EXPECT_EQ(held->metrics.at("down"), -std::numeric_limits<double>::infinity());
  }
  EXPECT_EQ(registry_->CreateVersion(VersionOf("films"))->version, 2u);
  EXPECT_EQ(registry_->GetModel("films")->newest_version, 2u);
  EXPECT_EQ(registry_->ListVersions("films").size(), 2u);
  EXPECT_TRUE(registry_->ListVersions("series").empty());
  EXPECT_EQ(registry_->GetVersion("films", 3).status().code(), Code::kNotFound);
  EXPECT_EQ(registry_->GetVersion("films", 0).status().code(), Code::kNotFound);
}

TEST_F(RegistryTest, RefusesAVersionThatIsNotWhole) {
  MakeFilms(0);
  const auto code = [&](const std::function<void(ModelVersion&)>& spoil) {
    ModelVersion version = VersionOf("films");
    spoil(version);
    return registry_->CreateVersion(version).status().code();
  };
  EXPECT_EQ(code([](ModelVersion& v) { v.model = "series"; }), Code::kNotFound);
  EXPECT_EQ(code([](ModelVersion& v) { v.model = "a@b"; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](ModelVersion& v) { v.source = "/etc/passwd"; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](ModelVersion& v) { v.tags["k"] = std::string(8'001, 'x'); }),
            Code::kInvalidArgument);
  EXPECT_EQ(code([](ModelVersion& v) { v.tags[std::string(251, 'k')] = "x"; }),
            Code::kInvalidArgument);
  EXPECT_EQ(code([](ModelVersion& v) { v.metrics["\xff"] = 1; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](ModelVersion& v) { v.description = "\xff"; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](ModelVersion& v) { v.status = "DONE"; }), Code::kInvalidArgument);
  EXPECT_EQ(code([](ModelVersion& v) {
              for (int i = 0; i < 101; ++i) {
                v.tags[std::to_string(i)] = "x";
              }
            }),
            Code::kInvalidArgument);
  EXPECT_EQ(journal_.entries().size(), 1u);
}

TEST_F(RegistryTest, MovesAliasesAndRemembersEveryMove) {
  MakeFilms(3);
  const auto first = Move("champion", 1);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->was, 0u);
  clock_.Advance(std::chrono::milliseconds(1));
  const auto second = registry_->MoveAlias("films", "champion", 3, 1, "won the test", "loop");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->was, 1u);
  EXPECT_TRUE(Move("candidate", 2).ok());
  EXPECT_TRUE(Move("candidate", 0).ok());
  EXPECT_EQ(Move("candidate", 0).status().code(), Code::kNotFound);
  EXPECT_EQ(registry_->GetModel("films")->aliases,
            (std::map<std::string, uint32_t>{{"champion", 3}}));
  const auto history = registry_->History("films");
  ASSERT_EQ(history->size(), 4u);
  EXPECT_EQ((*history)[1].alias, "champion");
  EXPECT_EQ((*history)[1].version, 3u);
  EXPECT_EQ((*history)[1].was, 1u);
  EXPECT_EQ((*history)[1].reason, "won the test");
  EXPECT_EQ((*history)[1].who, "loop");
  EXPECT_EQ((*history)[1].when, (*history)[0].when + std::chrono::milliseconds(1));
  EXPECT_EQ((*history)[3].version, 0u);
  EXPECT_EQ(registry_->History("series").status().code(), Code::kNotFound);
}

TEST_F(RegistryTest, ComparesBeforeItSets) {
  MakeFilms(2);
  EXPECT_EQ(Move("champion", 1, 1).status().code(), Code::kAborted);
  EXPECT_TRUE(Move("champion", 1, 0).ok());
  const Status stale = Move("champion", 2, 0).status();
  EXPECT_EQ(stale.code(), Code::kAborted);
  EXPECT_NE(stale.message().find("films@champion points to version 1, expected 0"),
            std::string_view::npos)
      << stale.ToString();
  EXPECT_TRUE(Move("champion", 2, 1).ok());
  EXPECT_EQ(registry_->History("films")->size(), 2u);
  EXPECT_EQ(Move("champion", 3).status().code(), Code::kNotFound);
  EXPECT_EQ(Move("latest", 1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(registry_->MoveAlias("series", "a", 1, {}, "", "").status().code(), Code::kNotFound);
  EXPECT_EQ(registry_->MoveAlias("films", "a", 1, {}, std::string(1'001, 'x'), "").status().code(),
            Code::kInvalidArgument);
}

TEST_F(RegistryTest, ResolvesReferences) {
  ASSERT_TRUE(registry_->CreateModel("films", "").ok());
  const auto version = [&](std::string_view text) -> Result<uint32_t> {
    HOEGO_TRY_ASSIGN(const ModelRef ref, ModelRef::Parse(text));
    HOEGO_TRY_ASSIGN(const ModelVersion found, registry_->Resolve(ref));
    return found.version;
  };
  EXPECT_EQ(version("films").status().code(), Code::kNotFound);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(registry_->CreateVersion(VersionOf("films")).ok());
  }
  EXPECT_EQ(version("films").value(), 3u);
  EXPECT_EQ(version("films/1").value(), 1u);
  EXPECT_EQ(version("films/4").status().code(), Code::kNotFound);
  EXPECT_EQ(version("films@champion").status().code(), Code::kNotFound);
  ASSERT_TRUE(Move("champion", 2).ok());
  EXPECT_EQ(version("films").value(), 2u);
  EXPECT_EQ(version("films@champion").value(), 2u);
  EXPECT_EQ(version("series").status().code(), Code::kNotFound);
}

TEST_F(RegistryTest, TellsAfterEveryAppliedChangeAndHoldsNoLockThen) {
  std::vector<std::string> told;
  registry_->OnChange([&](std::string_view model) {
    told.emplace_back(model);
    if (told.size() == 2) {
      EXPECT_TRUE(Move("champion", 1).ok());  // tells a third time
    }
  });
  MakeFilms(1);
  EXPECT_EQ(told, std::vector<std::string>({"films", "films", "films"}));
  EXPECT_FALSE(registry_->CreateModel("films", "").ok());
  EXPECT_FALSE(Move("champion", 1, 7).ok());
  EXPECT_EQ(told.size(), 3u);
}

TEST_F(RegistryTest, AFailedAppendChangesNothing) {
  MakeFilms(2);
  ASSERT_TRUE(Move("champion", 1).ok());
  int told = 0;
  registry_->OnChange([&](std::string_view) { ++told; });
  journal_.before = [](std::string_view, std::string_view, bool* kept) {
    *kept = false;
    return Status::ResourceExhausted("disk full");
  };
  EXPECT_EQ(Move("champion", 2).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(registry_->CreateModel("series", "").status().code(), Code::kResourceExhausted);
  EXPECT_EQ(registry_->CreateVersion(VersionOf("films")).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(registry_->GetModel("films")->aliases.at("champion"), 1u);
  EXPECT_EQ(registry_->GetModel("films")->newest_version, 2u);
  EXPECT_EQ(registry_->History("films")->size(), 1u);
  EXPECT_EQ(registry_->GetModel("series").status().code(), Code::kNotFound);
  EXPECT_EQ(told, 0);
  journal_.before = nullptr;
  EXPECT_EQ(Move("champion", 2)->was, 1u);
  EXPECT_EQ(registry_->CreateVersion(VersionOf("films"))->version, 3u);
  EXPECT_EQ(Replayed()->GetModel("films")->aliases.at("champion"), 2u);
}

// The worst case: the journal says no, yet the record has reached the disk. What was acknowledged
// afterwards wins.
TEST_F(RegistryTest, ARecordThatWasToldFailedButReachedTheLogGivesWayToItsSuccessor) {
  MakeFilms(2);
  const auto fails_but_keeps = [](std::string_view, std::string_view, bool*) {
    return Status::DataLoss("sync failed");
  };
  journal_.before = fails_but_keeps;
  EXPECT_FALSE(Move("champion", 1).ok());
  EXPECT_FALSE(Move("champion", 2).ok());
  ModelVersion version = VersionOf("films");
  version.description = "lost";
  EXPECT_FALSE(registry_->CreateVersion(version).ok());
  EXPECT_FALSE(registry_->CreateModel("series", "lost").ok());
  journal_.before = nullptr;
  EXPECT_TRUE(registry_->CreateModel("series", "kept").ok());
  version.description = "kept";
  EXPECT_EQ(registry_->CreateVersion(version)->version, 3u);
  EXPECT_TRUE(Move("candidate", 3).ok());
  // Whoever reads the log as it grows shows the registry its own records again, those told failed
  // among them.
  for (const auto& entry : journal_.entries()) {
    EXPECT_TRUE(registry_->Apply(entry.kind, entry.name, entry.json, Time{}).ok()) << entry.json;
  }
  EXPECT_EQ(registry_->GetModel("series")->description, "kept");
  const auto fresh = Replayed();
  EXPECT_EQ(fresh->GetModel("series")->description, "kept");
  EXPECT_EQ(fresh->GetVersion("films", 3)->description, "kept");
  EXPECT_EQ(fresh->ListVersions("films").size(), 3u);
  EXPECT_EQ(fresh->GetModel("films")->aliases, (std::map<std::string, uint32_t>{{"candidate", 3}}));
  EXPECT_EQ(fresh->History("films")->size(), 1u);
}

TEST_F(RegistryTest, ApplyIsHarmlessForWhatWasAppliedAndRefusesWhatDoesNotFollow) {
  MakeFilms(2);
  ASSERT_TRUE(Move("champion", 1).ok());
  for (const auto& entry : journal_.entries()) {
    EXPECT_TRUE(registry_->Apply(entry.kind, entry.name, entry.json, Time{}).ok()) << entry.json;
  }
  EXPECT_EQ(registry_->History("films")->size(), 1u);
  struct Case {
    std::string kind, name, json;
    Code code;
  };
  const std::string version_body = R"("source":"","status":"READY"})";
  const std::vector<Case> cases = {
      {"model", "films", R"({"format":1,"revision":1,"description":"other"})", Code::kDataLoss},
      {"model", "films", R"({"format":1,"revision":5,"description":""})", Code::kDataLoss},
      {"model", "a/b", R"({"format":1,"revision":1})", Code::kDataLoss},
      {"version", "films/3", R"({"format":1,"revision":4,)" + version_body,
       Code::kDataLoss},  // another is there
      {"version", "films/4", R"({"format":1,"revision":5,)" + version_body,
       Code::kDataLoss},  // 3 is missing
      {"version", "films/2", R"({"format":1,"revision":5,)" + version_body,
       Code::kDataLoss},  // exists
      {"version", "films/3", R"({"format":1,"revision":6,)" + version_body,
       Code::kDataLoss},  // a revision is missing
      {"version", "films", R"({"format":1,"revision":5,)" + version_body, Code::kDataLoss},
      {"version", "series/1", R"({"format":1,"revision":1,)" + version_body,
       Code::kDataLoss},  // no such model
      {"alias", "films@champion", R"({"format":1,"revision":5,"version":2,"was":2})",
       Code::kDataLoss},
      {"alias", "films@champion", R"({"format":1,"revision":5,"version":3,"was":1})",
       Code::kDataLoss},
      {"alias", "films@champion", R"({"format":1,"revision":5,"version":-1,"was":1})",
       Code::kDataLoss},
      {"alias", "films@champion", R"({"format":1,"revision":0,"version":2,"was":1})",
       Code::kDataLoss},
      {"alias", "films@champion", R"({"format":1,"revision":3,"attempt":1,"version":2,"was":1})",
       Code::kDataLoss},
      {"alias", "films@champion", R"({"format":1,"revision":4,"attempt":1,"version":2,"was":1})",
       Code::kDataLoss},
      {"alias", "films@champion", "{", Code::kDataLoss},
      {"alias", "films@champion", "{}", Code::kDataLoss},
      {"alias", "films@champion", R"({"format":2,"anything":[]})", Code::kFailedPrecondition},
      {"endpoint", "home", "{}", Code::kInvalidArgument},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(registry_->Apply(c.kind, c.name, c.json, Time{}).code(), c.code)
        << c.kind << " " << c.name << " " << c.json;
  }
  EXPECT_EQ(registry_->History("films")->size(), 1u);
  EXPECT_EQ(registry_->GetModel("films")->aliases.at("champion"), 1u);
  EXPECT_EQ(registry_->ListVersions("films").size(), 2u);
  // What follows is taken, also with fields that a later program added; without a time the log's
  // counts.
  EXPECT_TRUE(registry_
                  ->Apply("alias", "films@champion",
                          R"({"format":1,"revision":5,"version":2,"was":1,"new":{"x":1}})",
                          FromUnixMillis(7))
                  .ok());
  EXPECT_EQ(registry_->History("films")->back().when, FromUnixMillis(7));
}

// 64 clients read an alias and set it to something else if it is still the same, until 10,000 moves
// have been made.
TEST_F(RegistryTest, SixtyFourClientsMoveOneAliasTenThousandTimesInOneLine) {
  constexpr int kClients = 64;
  constexpr size_t kMoves = 10'000;
  MakeFilms(5);
  std::atomic<size_t> won = 0;
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < kClients; ++c) {
      clients.emplace_back([&, c] {
        Rng rng(static_cast<uint64_t>(c));
        while (won < kMoves) {
          const auto model = registry_->GetModel("films");
          const auto alias = model->aliases.find("champion");
          const uint32_t now = alias == model->aliases.end() ? 0 : alias->second;
          const auto next = static_cast<uint32_t>(1 + rng.Below(5));
          const auto move =
              registry_->MoveAlias("films", "champion", next, now, "", std::to_string(c));
          EXPECT_TRUE(move.ok() || move.status().code() == Code::kAborted)
              << move.status().ToString();
          if (move.ok()) {
            EXPECT_EQ(move->was, now);
            ++won;
          }
        }
      });
    }
  }
  const auto history = registry_->History("films");
  ASSERT_EQ(history->size(), won);
  EXPECT_GE(history->size(), kMoves);
  uint32_t now = 0;
  for (const AliasMove& move : *history) {
    ASSERT_EQ(move.was, now);
    now = move.version;
  }
  EXPECT_EQ(registry_->GetModel("films")->aliases.at("champion"), now);
  EXPECT_EQ(Replayed()->History("films")->size(), history->size());
}

TEST_F(RegistryTest, ReadersAndOtherModelsDoNotWaitForAJournalThatHangs) {
  MakeFilms(2);
  ASSERT_TRUE(Move("champion", 1).ok());
  ASSERT_TRUE(registry_->CreateModel("series", "").ok());
  std::latch hangs(1);
  std::latch released(1);
  journal_.before = [&](std::string_view, std::string_view name, bool*) {
    if (name == "films@champion") {
      hangs.count_down();
      released.wait();
    }
    return Status{};
  };
  std::jthread mover([&] { EXPECT_TRUE(Move("champion", 2).ok()); });
  hangs.wait();
  EXPECT_EQ(registry_->GetModel("films")->aliases.at("champion"), 1u);
  EXPECT_EQ(registry_->Resolve({"films", {}, {}})->version, 1u);
  EXPECT_EQ(registry_->History("films")->size(), 1u);
  EXPECT_EQ(registry_->ListModels().size(), 2u);
  EXPECT_TRUE(registry_->CreateVersion(VersionOf("series")).ok());
  released.count_down();
  mover.join();
  EXPECT_EQ(registry_->GetModel("films")->aliases.at("champion"), 2u);
}

}  // namespace
}  // namespace hoego::registry
