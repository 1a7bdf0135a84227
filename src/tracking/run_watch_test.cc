#include "tracking/run_watch.h"

#include <gtest/gtest.h>

namespace hoego::tracking {
namespace {

RunWord Progress(double share) {
  return {RunWord::Kind::kProgress, share, "fitting"};
}
const RunWord kEnd{RunWord::Kind::kEnd, 0, "FINISHED"};

class RunWatchTest : public ::testing::Test {
 protected:
  std::shared_ptr<void> Watch(const std::string& run) {
    return watch_.Watch(run, [this](const RunWord& word) { told_.push_back(word); });
  }

  RunWatch watch_;
  std::vector<RunWord> told_;
};

TEST_F(RunWatchTest, TellsTheNewestProgressAtOnceAndThenEveryWordInOrder) {
  watch_.Say("a", Progress(0.1));
  watch_.Say("a", Progress(0.4));
  watch_.Say("b", Progress(0.9));
  const auto held = Watch("a");
  watch_.Say("a", {RunWord::Kind::kMetric, 0, "loss", 2.5, 3});
  watch_.Say("a", kEnd);
  ASSERT_EQ(told_.size(), 3u);
  EXPECT_EQ(told_[0].share, 0.4);
  EXPECT_EQ(told_[1].text, "loss");
  EXPECT_EQ(told_[1].value, 2.5);
  EXPECT_EQ(told_[1].step, 3);
  EXPECT_EQ(told_[2].text, "FINISHED");
}

TEST_F(RunWatchTest, WhoLetsGoHearsNothingMoreAndLeavesNothingBehind) {
  auto held = Watch("a");
  EXPECT_EQ(watch_.runs(), 1u);
  held.reset();
  EXPECT_EQ(watch_.runs(), 0u);
  watch_.Say("a", Progress(0.5));
  EXPECT_TRUE(told_.empty());
  watch_.Say("a", kEnd);
  EXPECT_EQ(watch_.runs(), 0u);
}

TEST_F(RunWatchTest, AWatcherMayLetGoWhileItIsTold) {
  std::shared_ptr<void> held;
  int told = 0;
  held = watch_.Watch("a", [&](const RunWord&) {
    ++told;
    held.reset();
  });
  watch_.Say("a", Progress(0.5));
  watch_.Say("a", Progress(0.6));
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace hoego::tracking
