#include <filesystem>

#include "base/metrics.h"
#include "events/event_log_contract.h"

namespace hoego::events {
namespace {

// A log of segments in a folder of its own.
class SegmentLogMaker {
 public:
  SegmentLogMaker() {
    std::string pattern = testing::TempDir() + "hoego-log-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~SegmentLogMaker() {
    Close();
    std::filesystem::remove_all(folder_);
  }
  EventStore& Open() {
    StoreOptions options;
    options.folder = JoinPath(folder_, "log");
    metrics_ = std::make_unique<Metrics>();
    auto store = EventStore::Open(options, RealDisk(), clock_, *metrics_);
    HOEGO_CHECK(store.ok());
    store_ = std::move(*store);
    return *store_;
  }
  void Close() { store_.reset(); }
  FakeClock& clock() { return clock_; }

 private:
  std::string folder_;
  FakeClock clock_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<EventStore> store_;
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Segments, EventLogContract, SegmentLogMaker);

}  // namespace hoego::events
