#include "serving/deployment.h"

#include "serving/internal/serving_fixture.h"

namespace hoego::serving::testing {
namespace {

class DeploymentTest : public ServingTest {
 protected:
  Result<registry::AliasMove> Move(std::string_view alias, uint32_t version) {
    return deployment_.MoveAlias("films", alias, version, std::nullopt, "test", "test");
  }

  Deployment deployment_{registry_, endpoints_, *serving_};
};

TEST_F(DeploymentTest, AnEndpointAnswersByItsModelFromTheFirstRequestOn) {
  ASSERT_TRUE(
      deployment_.PutEndpoint("home", R"({"model":"films@champion","deadline_ms":60000})").ok());
  const auto answer = Recommend(Ask("u1"));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->version, 1u);
  EXPECT_FALSE(answer->fallback);
}

TEST_F(DeploymentTest, AnAliasThatAnEndpointNamesMovesOnlyToWhatIsLoaded) {
  ASSERT_TRUE(
      deployment_.PutEndpoint("home", R"({"model":"films@champion","deadline_ms":60000})").ok());
  ASSERT_TRUE(Move("champion", 2).ok());
  const auto answer = Recommend(Ask("u1"));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->version, 2u);
  EXPECT_FALSE(answer->fallback);
}

TEST_F(DeploymentTest, ABareModelNameMeansItsChampion) {
  ASSERT_TRUE(deployment_.PutEndpoint("home", R"({"model":"films","deadline_ms":60000})").ok());
  Break("blob:films2", Status::NotFound("gone"));
  EXPECT_EQ(Move("champion", 2).status().code(), Code::kFailedPrecondition);
}

TEST_F(DeploymentTest, AVersionThatCannotBeLoadedIsRefusedAndTheOldOneGoesOn) {
  ASSERT_TRUE(
      deployment_.PutEndpoint("home", R"({"model":"films@champion","deadline_ms":60000})").ok());
  Break("blob:films2", Status::NotFound("its files are gone"));
  const auto moved = Move("champion", 2);
  ASSERT_FALSE(moved.ok());
  EXPECT_EQ(moved.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(moved.status().message().find("films@champion was not moved"), std::string_view::npos);
  EXPECT_NE(moved.status().message().find("its files are gone"), std::string_view::npos);
  const auto answer = Recommend(Ask("u1"));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->version, 1u);
  EXPECT_FALSE(answer->fallback);

  const auto put = deployment_.PutEndpoint("home", R"({"model":"films/2","deadline_ms":60000})");
  ASSERT_FALSE(put.ok());
  EXPECT_NE(put.status().message().find("its files are gone"), std::string_view::npos);
  EXPECT_EQ(endpoints_.Find("home")->definition.model, "films@champion");
  EXPECT_EQ(deployment_.PutEndpoint("other", R"({"model":"films/99"})").status().code(),
            Code::kInvalidArgument);
  EXPECT_TRUE(deployment_.PutEndpoint("later", R"({"model":"films@candidate"})").ok());
}

TEST_F(DeploymentTest, AnAliasThatNobodyNamesMovesWithoutLoading) {
  Break("blob:films2", Status::NotFound("gone"));
  EXPECT_TRUE(Move("candidate", 2).ok());
}

TEST_F(DeploymentTest, AtStartEveryEndpointsModelIsLoadedAndABrokenOneHoldsNothingUp) {
  registry_.AddVersion(Version("films", 3));
  Break("blob:films3", Status::NotFound("gone"));
  ASSERT_TRUE(endpoints_.Put("broken", R"({"model":"films/3","fallback":["films/1"]})").ok());
  ASSERT_TRUE(endpoints_.Put("whole", R"({"model":"films/2","deadline_ms":60000})").ok());
  deployment_.LoadEndpoints();
  auto request = Ask("u1");
  request.endpoint = "whole";
  const auto answer = Recommend(request);
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->version, 2u);
  request.endpoint = "broken";
  EXPECT_EQ(Recommend(request)->version, 1u);
}

}  // namespace
}  // namespace hoego::serving::testing
