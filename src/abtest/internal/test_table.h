#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "abtest/fold.h"
#include "abtest/report.h"
#include "abtest/test.h"
#include "events/types.h"

namespace hoego::abtest::internal {

struct TransparentHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// Who answers at the endpoints where a test runs. Immutable once published.
struct RouteTable {
  struct Route {
    std::string test;
    Assignment assignment;
    std::vector<serving::Arm> arms;
    std::vector<double> probabilities;
  };
  std::unordered_map<std::string, Route, TransparentHash, std::equal_to<>> endpoints;
};

// All tests of a log: the fold that Tests runs over the records. A record of kind Definition "test"
// changes a test, all others go to the running ones. Threads: one thread at a time.
class TestTable {
 public:
  struct Entry {
    TestDefinition definition;
    std::unique_ptr<TestFold> fold;  // null until it has started
    events::Cut start;               // the record that started it
    events::Cut figures;             // up to where its figures go: the end of the stop, else moving
    uint64_t lost_feedback = 0;
  };

  TestTable(TestFold::FindType find_type, std::function<bool(const Uuid&)> decision_known);

  // True when routes changed. A definition that cannot be read, or a move that is not allowed, is
  // skipped and logged.
  bool Apply(const events::Record& record);

  const Entry* Find(std::string_view name) const;
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  std::string running_at(std::string_view endpoint) const;  // the test's name, or empty
  std::shared_ptr<const RouteTable> MakeRoutes() const;

  // The checkpoint's bytes for this state at `cut`, and back; DataLoss says why they cannot be
  // used.
  std::string Encode(events::Cut cut) const;
  Result<events::Cut> Decode(std::string_view bytes);

 private:
  bool Define(const events::Record& record);
  TestFold::Unmatched CounterOfLost(const std::string& name);

  TestFold::FindType find_type_;
  std::function<bool(const Uuid&)> decision_known_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<Entry*> running_;
};

// The verdict of one entry; `folded` is how far the table has read.
VerdictReport ReportOf(const TestTable::Entry& entry, events::Cut folded);

}  // namespace hoego::abtest::internal
