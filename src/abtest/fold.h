#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "abtest/internal/decision_window.h"
#include "abtest/latency.h"
#include "abtest/sufficient.h"
#include "abtest/test.h"
#include "events/types.h"

namespace hoego::abtest {

// What the fold keeps of one arm.
struct ArmFold {
  ArmSums outcome;        // over exposed units: the metric
  ArmSums errors;         // over the same units: fallbacks (y) of answers (x)
  LatencyCounts latency;  // of all answers
  uint64_t decisions = 0;
  std::string model;  // who answered, fallbacks aside; empty: nobody yet
  uint32_t version = 0;
  bool mixed_versions = false;
  bool operator==(const ArmFold&) const = default;
};

// Everything that a verdict is computed from.
struct Figures {
  std::vector<ArmFold> arms;  // in the plan's order
  bool wrong_arm = false;     // an exposure or answer named an arm that the plan does not have
  bool horizon = false;       // max_units or max_duration was reached
  uint64_t moved_units = 0;   // met in two arms, in neither arm's sums
  uint64_t feedback = 0;      // events that took part
  uint64_t late = 0;          // outside of the window
  uint64_t foreign = 0;       // named a decision made for another unit

  uint64_t exposed_units() const;  // in all arms
};

// The figures of one running test as a pure function of its plan and of the log's records from its
// start on: the same records give the same figures to the last digit, live, after a restart from a
// checkpoint or in a recomputation.
//
// How records count (docs/formats/test_state.md):
// - An exposure puts its unit into its arm, once. A unit met in a second arm, by an exposure or a
// decision, leaves both.
// - A decision counts for its arm's latency and errors, and can be followed by feedback.
// - An event of the metric's type that names a decision of this test counts for its unit, if it is
// that unit's and comes
//   within the window after it by both clocks (the sender's may be 5 minutes off). The decision may
//   stand up to 10 seconds after the event in the log, because decisions are written off the
//   caller's path.
// - The latest million decisions can be followed; feedback to an older one takes no part.
//
// Threads: one thread at a time. Memory: about 60 bytes a unit and 40 a decision.
class TestFold {
 public:
  // Finds the key of an event type by its name; nothing while no event of that type was met.
  using FindType = std::function<std::optional<events::TypeKey>(std::string_view)>;
  // Told of feedback whose decision did not appear.
  using Unmatched = std::function<void(const Uuid&)>;

  TestFold(TestPlan plan, FindType find_type, Unmatched unmatched = nullptr);

  // The next record of the log. Pre: in log order, from the record that started the test on.
  void Add(const events::Record& record);
  // The test was stopped: keeps the figures and drops what only further records would need.
  void Freeze();

  const TestPlan& plan() const { return plan_; }
  const Figures& figures() const { return figures_; }
  bool IsExposed(events::UnitKey unit) const;

  // The state without plan, as docs/formats/test_state.md. Units are written in the order of their
  // keys.
  void AppendTo(std::string& out) const;
  Status ReadFrom(std::string_view& in);

 private:
  struct Unit {
    double y = 0;  // counted events, or the sum of their values
    uint32_t decisions = 0;
    uint32_t fallbacks = 0;
    uint8_t arm = 0;
    bool exposed = false;
    bool moved = false;
  };
  struct Early {  // an event whose decision has not come yet
    Uuid decision;
    uint64_t hash = 0;
    int64_t time_ms = 0;
    int64_t received_ms = 0;
    uint32_t unit = 0;
    double amount = 0;
  };

  std::optional<uint8_t> ArmIndex(std::string_view name) const;
  void AddDecision(const events::Record& record);
  void AddExposure(const events::Record& record);
  void AddEvent(const events::Record& record);
  void CountFeedback(const internal::DecisionWindow::Entry& decision, const Early& event);
  void Expire(int64_t now_ms);
  // Takes the unit's share out of its arm's sums, changes the unit, puts the new share in.
  template <class F>
  void Change(Unit& unit, const F& change);
  void Contribute(const Unit& unit, bool add);
  void UpdateHorizon();

  const TestPlan plan_;
  const FindType find_type_;
  const Unmatched unmatched_;
  std::optional<events::TypeKey> type_;
  Figures figures_;
  std::unordered_map<uint32_t, Unit> units_;
  internal::DecisionWindow decisions_;
  std::deque<Early> early_;                             // by time of receipt
  std::unordered_map<uint64_t, uint32_t> early_count_;  // how many of them name this decision
  int64_t started_ms_ = 0;                              // receipt of the first record; 0: none yet
  int64_t now_ms_ = 0;                                  // receipt of the latest
};

}  // namespace hoego::abtest
