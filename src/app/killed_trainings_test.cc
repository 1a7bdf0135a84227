#include "app/killed_trainings.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "base/disk.h"
#include "storage/temp_folder.h"

namespace hoego::app {
namespace {

namespace fs = std::filesystem;

class KilledTrainingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = storage::OpenSqlite(folder_ / "meta.db");
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    database_ = std::move(database).value();
    auto blobs = storage::OpenLocalBlobStore(RealDisk(), folder_ / "blobs");
    ASSERT_TRUE(blobs.ok()) << blobs.status().ToString();
    blobs_ = std::move(blobs).value();
    auto tracking = tracking::Tracking::Open(*database_, *blobs_, SystemClock::Instance());
    ASSERT_TRUE(tracking.ok()) << tracking.status().ToString();
    tracking_ = std::move(tracking).value();
  }

  std::string MakeRun(const std::map<std::string, std::string>& tags) {
    tracking::NewRun run;
    run.name = "train ease";
    run.tags = tags;
    auto made = tracking_->CreateRun(run);
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    return made.ok() ? made->id : "";
  }

  // As a killed command leaves it: a folder with what the job had written.
  std::string MakeWork(const std::string& name) {
    const std::string path = folder_ / ("work/" + name);
    fs::create_directories(path + "/job");
    std::ofstream(path + "/job/spec.json") << "{}";
    return path;
  }

  tracking::RunStatus StatusOf(const std::string& run) {
    const auto found = tracking_->GetRun(run);
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return found.ok() ? found->status : tracking::RunStatus::kScheduled;
  }

  storage::TempFolder folder_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::BlobStore> blobs_;
  std::unique_ptr<tracking::Tracking> tracking_;
};

TEST_F(KilledTrainingsTest, EndsTheRunOfALeftFolderAndRemovesIt) {
  const std::string name = NewWorkName();
  const std::string path = MakeWork(name);
  const std::string run = MakeRun({{std::string(kWorkTag), name}});
  ASSERT_TRUE(EndKilledTrainings(folder_.path(), *tracking_).ok());
  EXPECT_EQ(StatusOf(run), tracking::RunStatus::kKilled);
  EXPECT_TRUE(tracking_->GetRun(run)->end.has_value());
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(EndKilledTrainings(folder_.path(), *tracking_).ok());  // nothing left to do
}

TEST_F(KilledTrainingsTest, LeavesRunsOfLoopsAndOfOtherClientsAlone) {
  const std::string loop_work = MakeWork("train-1");  // a loop called "train", first cycle
  const std::string loop = MakeRun({{"loop", "train"}, {"cycle", "train-1"}});
  const std::string client = MakeRun({});
  MakeWork(NewWorkName());
  ASSERT_TRUE(EndKilledTrainings(folder_.path(), *tracking_).ok());
  EXPECT_EQ(StatusOf(loop), tracking::RunStatus::kRunning);
  EXPECT_EQ(StatusOf(client), tracking::RunStatus::kRunning);
  EXPECT_TRUE(fs::exists(loop_work));
}

TEST_F(KilledTrainingsTest, LeavesAnEndedRunAsItEnded) {
  const std::string name = NewWorkName();
  const std::string path = MakeWork(name);  // killed after its run had ended
  const std::string run = MakeRun({{std::string(kWorkTag), name}});
  ASSERT_TRUE(tracking_->EndRun(run, tracking::RunStatus::kFinished).ok());
  ASSERT_TRUE(EndKilledTrainings(folder_.path(), *tracking_).ok());
  EXPECT_EQ(StatusOf(run), tracking::RunStatus::kFinished);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(KilledTrainingsTest, AFolderThatNeverTrainedIsFine) {
  EXPECT_TRUE(EndKilledTrainings(folder_.path(), *tracking_).ok());
}

}  // namespace
}  // namespace hoego::app
