#include "serving/model_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <limits>
#include <map>
#include <set>
#include <thread>

#include "serving/internal/fake_model.h"
#include "serving/internal/fake_registry.h"
#include "serving/internal/fake_store.h"

namespace hoego::serving {
namespace {

using testing::FakeModel;
using testing::FakeStore;
using testing::ItemNames;
using testing::Version;

// Folders are sources; the models behind them are made on demand.
class FakeFetcher final : public ModelFetcher {
 public:
  Result<std::string> Fetch(const registry::ModelVersion& v) override {
    MutexLock lock(mu_);
    ++fetches_;
    while (held_) {
      changed_.Wait(mu_);
    }
    if (const auto found = failures_.find(v.source); found != failures_.end()) {
      return found->second;
    }
    return v.source;
  }
  void Fail(const std::string& source, Status status) {
    MutexLock lock(mu_);
    failures_[source] = std::move(status);
  }
  void Heal() {
    MutexLock lock(mu_);
    failures_.clear();
  }
  void Hold(bool held) {
    MutexLock lock(mu_);
    held_ = held;
    changed_.NotifyAll();
  }
  int fetches() {
    MutexLock lock(mu_);
    return fetches_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool held_ = false;
  int fetches_ = 0;
  std::map<std::string, Status> failures_;
};

class ModelStoreTest : public ::testing::Test {
 protected:
  ModelStoreTest() {
    for (const auto& name : ItemNames(5)) {
      events_.AddItem(name);
    }
  }
  void Make(size_t max_loaded = 2) {
    ModelStoreOptions options;
    options.max_loaded = max_loaded;
    options.keep_idle = std::chrono::milliseconds(60'000);
    store_ = std::make_unique<ModelStore>(
        fetcher_, [this](const std::string& folder) { return Read(folder); }, events_, clock_,
        metrics_, options);
  }
  Result<std::shared_ptr<const models::Model>> Read(const std::string& folder) {
    std::vector<float> base(5);
    if (folder == "blob:nan1") {
      base[3] = std::numeric_limits<float>::quiet_NaN();
    }
    auto model = std::make_shared<FakeModel>(ItemNames(folder == "blob:empty1" ? 0 : 5), base);
    model->on_destroy = [this] {
      MutexLock lock(mu_);
      destroyed_by_.insert(std::this_thread::get_id());
      ++destroyed_;
    };
    return std::shared_ptr<const models::Model>(std::move(model));
  }
  Status PrepareAndWait(const registry::ModelVersion& version) {
    std::promise<Status> told;
    store_->Prepare(version, [&told](const Status& s) { told.set_value(s); });
    return told.get_future().get();
  }
  VersionStatus StatusOf(const std::string& model, uint32_t version) {
    for (const auto& s : store_->statuses()) {
      if (s.model == model && s.version == version) {
        return s;
      }
    }
    return {};
  }
  // Each change of a state wakes nobody outside, so ask again until it is there; the test's time
  // limit bounds it.
  void WaitUntil(const std::function<bool()>& holds) {
    while (!holds()) {
      std::this_thread::yield();
    }
  }
  int destroyed() {
    MutexLock lock(mu_);
    return destroyed_;
  }

  FakeStore events_;
  FakeClock clock_;
  Metrics metrics_;
  FakeFetcher fetcher_;
  Mutex mu_;
  std::set<std::thread::id> destroyed_by_;
  int destroyed_ = 0;
  std::unique_ptr<ModelStore> store_;
};

TEST_F(ModelStoreTest, AVersionAnswersOnceItIsPrepared) {
  Make();
  EXPECT_EQ(store_->Acquire("films", 1), nullptr);
  ASSERT_TRUE(PrepareAndWait(Version("films", 1)).ok());
  const auto version = store_->Acquire("films", 1);
  ASSERT_NE(version, nullptr);
  EXPECT_EQ(version->scorer->items(), 5u);
  EXPECT_EQ(StatusOf("films", 1).state, VersionState::kReady);
  EXPECT_GT(StatusOf("films", 1).resident_bytes, 0u);
  EXPECT_TRUE(PrepareAndWait(Version("films", 1)).ok());
  EXPECT_EQ(fetcher_.fetches(), 1);
}

TEST_F(ModelStoreTest, AReferencedVersionIsLoadedWithoutBeingAsked) {
  Make();
  store_->SetReferenced({Version("films", 3)});
  WaitUntil([this] { return store_->Acquire("films", 3) != nullptr; });
}

TEST_F(ModelStoreTest, AFailedLoadKeepsTheOldVersionAndSaysWhy) {
  Make();
  ASSERT_TRUE(PrepareAndWait(Version("films", 1)).ok());
  fetcher_.Fail("blob:films2", Status::DataLoss("factors.bin: wrong digest"));
  const Status status = PrepareAndWait(Version("films", 2));
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_EQ(status.message(), "load films/2: factors.bin: wrong digest");
  EXPECT_EQ(StatusOf("films", 2).state, VersionState::kFailed);
  EXPECT_EQ(StatusOf("films", 2).reason.message(), status.message());
  EXPECT_NE(store_->Acquire("films", 1), nullptr);
  EXPECT_EQ(store_->Acquire("films", 2), nullptr);
  EXPECT_EQ(metrics_.counter("hoego_model_loads_total", "", {{"result", "failed"}}).value(), 1u);
  // It may be asked for again, and then goes well.
  fetcher_.Heal();
  EXPECT_TRUE(PrepareAndWait(Version("films", 2)).ok());
  EXPECT_EQ(StatusOf("films", 2).failures, 0u);
}

TEST_F(ModelStoreTest, AModelWhoseScoresAreNotFiniteNeverAnswers) {
  Make();
  const Status status = PrepareAndWait(Version("nan", 1));
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("item 3"), std::string_view::npos) << status.ToString();
  EXPECT_EQ(store_->Acquire("nan", 1), nullptr);
  EXPECT_EQ(PrepareAndWait(Version("empty", 1)).message(), "load empty/1: the model has no items");
}

TEST_F(ModelStoreTest, AWrongLearnTagIsAFailedLoad) {
  Make();
  auto version = Version("films", 1);
  version.tags["learn"] = R"({"positive":3})";
  EXPECT_NE(PrepareAndWait(version).message().find("learn: field \"positive\""),
            std::string_view::npos);
}

TEST_F(ModelStoreTest, ATransientFailureIsRetriedWhenItsTimeHasCome) {
  Make();
  fetcher_.Fail("blob:films1", Status::Unavailable("no route to the bucket"));
  store_->SetReferenced({Version("films", 1)});
  WaitUntil([this] { return StatusOf("films", 1).failures == 1; });
  fetcher_.Heal();
  store_->Recheck();
  EXPECT_EQ(StatusOf("films", 1).state, VersionState::kFailed);
  clock_.Advance(std::chrono::milliseconds(1000));
  store_->Recheck();
  WaitUntil([this] { return store_->Acquire("films", 1) != nullptr; });
}

TEST_F(ModelStoreTest, TheVersionUsedLongestAgoMakesRoomAndLeavesOnTheUnloaderThread) {
  Make(2);
  ASSERT_TRUE(PrepareAndWait(Version("films", 1)).ok());
  clock_.Advance(std::chrono::milliseconds(10));
  ASSERT_TRUE(PrepareAndWait(Version("films", 2)).ok());
  clock_.Advance(std::chrono::milliseconds(10));
  EXPECT_NE(store_->Acquire("films", 1), nullptr);
  ASSERT_TRUE(PrepareAndWait(Version("films", 3)).ok());
  EXPECT_NE(store_->Acquire("films", 1), nullptr);
  EXPECT_EQ(store_->Acquire("films", 2), nullptr);
  EXPECT_EQ(StatusOf("films", 2).state, VersionState::kUnloaded);
  EXPECT_EQ(destroyed(), 1);
  MutexLock lock(mu_);
  EXPECT_FALSE(destroyed_by_.contains(std::this_thread::get_id()));
}

TEST_F(ModelStoreTest, AReaderKeepsAVersionAliveAndTheNextOneWaitsForTheRoom) {
  Make(1);
  ASSERT_TRUE(PrepareAndWait(Version("films", 1)).ok());
  auto reader = store_->Acquire("films", 1);
  std::promise<Status> told;
  store_->Prepare(Version("films", 2), [&told](const Status& s) { told.set_value(s); });
  WaitUntil([this] { return StatusOf("films", 1).state == VersionState::kDraining; });
  EXPECT_EQ(destroyed(), 0);
  std::vector<float> scores(5);
  reader->scorer->Score({}, scores);
  EXPECT_EQ(fetcher_.fetches(), 1);
  reader.reset();
  EXPECT_TRUE(told.get_future().get().ok());
  EXPECT_EQ(destroyed(), 1);
  MutexLock lock(mu_);
  EXPECT_FALSE(destroyed_by_.contains(std::this_thread::get_id()));
}

TEST_F(ModelStoreTest, WhoAsksIsRefusedWhenEveryPlaceIsReferenced) {
  Make(1);
  store_->SetReferenced({Version("films", 1)});
  WaitUntil([this] { return store_->Acquire("films", 1) != nullptr; });
  const Status status = PrepareAndWait(Version("films", 2));
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_NE(status.message().find("serving.max_loaded"), std::string_view::npos);
  EXPECT_NE(store_->Acquire("films", 1), nullptr);
}

TEST_F(ModelStoreTest, AnUnreferencedVersionLeavesWhenIdleAndAReferencedOneStays) {
  Make(2);
  store_->SetReferenced({Version("films", 1)});
  ASSERT_TRUE(PrepareAndWait(Version("films", 1)).ok());
  ASSERT_TRUE(PrepareAndWait(Version("films", 2)).ok());
  clock_.Advance(std::chrono::milliseconds(60'000));
  store_->Recheck();
  WaitUntil([this] { return StatusOf("films", 2).state == VersionState::kUnloaded; });
  EXPECT_NE(store_->Acquire("films", 1), nullptr);
}

TEST_F(ModelStoreTest, RequestsThatMissAVersionGetItLoaded) {
  Make(2);
  store_->Ask(Version("films", 1));
  store_->Ask(Version("films", 1));
  WaitUntil([this] { return store_->Acquire("films", 1) != nullptr; });
  EXPECT_EQ(fetcher_.fetches(), 1);
  EXPECT_EQ(store_->AcquireLastUsed("films")->version, 1u);
  EXPECT_EQ(store_->AcquireLastUsed("books"), nullptr);
}

TEST_F(ModelStoreTest, StoppingTellsWhoStillWaits) {
  Make(1);
  ASSERT_TRUE(PrepareAndWait(Version("films", 1)).ok());
  auto reader = store_->Acquire("films", 1);
  std::promise<Status> told;
  store_->Prepare(Version("films", 2), [&](const Status& s) {
    told.set_value(s);
    reader.reset();  // the destructor waits for this reader
  });
  WaitUntil([this] { return StatusOf("films", 1).state == VersionState::kDraining; });
  store_.reset();
  EXPECT_EQ(told.get_future().get().code(), Code::kCancelled);
  EXPECT_EQ(destroyed(), 1);
}

TEST_F(ModelStoreTest, VersionsMoveUnderManyReadersWithoutAFailure) {
  Make(3);
  ASSERT_TRUE(PrepareAndWait(Version("films", 1)).ok());
  std::atomic<uint32_t> current{1};
  std::atomic<bool> stop{false};
  std::atomic<int> misses{0};
  std::atomic<int> reads{0};
  std::vector<std::jthread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      std::vector<float> scores(5);
      while (!stop) {
        const uint32_t before = current;
        const auto version = store_->Acquire("films", before);
        if (version == nullptr) {
          misses += current == before ? 1 : 0;  // else it moved on meanwhile: ask again
        } else {
          version->scorer->Score({}, scores);
          ++reads;
        }
      }
    });
  }
  for (uint32_t v = 2; v <= 51; ++v) {
    ASSERT_TRUE(PrepareAndWait(Version("films", v)).ok());
    current = v;
    store_->SetReferenced({Version("films", v)});
  }
  WaitUntil([&reads] { return reads > 100; });
  stop = true;
  readers.clear();
  EXPECT_EQ(misses, 0);
  store_.reset();
  EXPECT_EQ(destroyed(), 51);
}

}  // namespace
}  // namespace hoego::serving
