#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "events/event_log.h"
#include "events/store.h"

// What every EventLog must do. A back end instantiates the suite with a type that makes one:
//   struct Maker { EventStore& Open(); void Close(); FakeClock& clock(); };   Open again gives the
//   same log
namespace hoego::events {

template <class Maker>
class EventLogContract : public testing::Test {
 protected:
  EventLogContract() : store_(&maker_.Open()) {}

  EventLog& log() { return store_->log(); }
  void OpenAgain() {
    maker_.Close();
    store_ = &maker_.Open();
  }

  AppendResult Append(const std::vector<NewRecord>& batch) {
    const Result<AppendResult> result = AppendAndWait(log(), batch);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result.ok() ? *result : AppendResult{};
  }
  static NewEvent Event(std::string_view id, std::string_view unit = "u1",
                        std::string_view item = "i1") {
    NewEvent event;
    event.id = id;
    event.time = FromUnixMillis(1'600'000'000'000);
    event.type = "watch";
    event.unit = unit;
    event.item = item;
    return event;
  }
  // The ids of all events from a cut on, in log order.
  std::vector<std::string> Ids(Cut from = {}) {
    std::vector<std::string> ids;
    const auto cursor = log().Read(from);
    for (auto record = cursor->Next(); record.ok() && *record != nullptr; record = cursor->Next()) {
      if ((*record)->kind == RecordKind::kEvent) {
        const auto opened = store_->Open(**record);
        ids.push_back(opened.ok() ? opened->id : opened.status().ToString());
      }
    }
    return ids;
  }

  Maker maker_;
  EventStore* store_;
};

TYPED_TEST_SUITE_P(EventLogContract);

TYPED_TEST_P(EventLogContract, GivesBackWhatWasAppendedInOrder) {
  auto e = this->Event("a", "u1", "film");
  e.value = 4.5;
  e.decision = Uuid::Parse("0190163d-8694-739b-aea5-966c26f8ad91");
  e.properties = R"({"device":"tv"})";
  const AppendResult result = this->Append({e, this->Event("b", "u2", "")});
  EXPECT_EQ(result.accepted, 2U);
  EXPECT_EQ(result.duplicates, 0U);
  EXPECT_EQ(this->log().end(), result.cut);

  const auto cursor = this->log().Read(this->log().begin());
  std::vector<Record> seen;
  std::vector<OpenedEvent> opened;
  for (auto record = cursor->Next(); record.ok() && *record != nullptr; record = cursor->Next()) {
    if ((*record)->kind == RecordKind::kEvent) {
      seen.push_back(**record);
      opened.push_back(this->store_->Open(**record).value());
    }
  }
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(opened[0].id, "a");
  EXPECT_EQ(opened[0].unit, "u1");
  EXPECT_EQ(opened[0].properties, R"({"device":"tv"})");
  EXPECT_EQ(this->store_->ItemId(seen[0].event.item), "film");
  EXPECT_EQ(this->store_->TypeName(seen[0].event.type), "watch");
  EXPECT_EQ(seen[0].event.value, 4.5);
  EXPECT_EQ(seen[0].event.decision->ToString(), "0190163d-8694-739b-aea5-966c26f8ad91");
  EXPECT_EQ(ToUnixMillis(seen[0].time), 1'600'000'000'000);
  EXPECT_EQ(seen[1].event.item, kNoItem);
  EXPECT_FALSE(seen[1].event.value.has_value());
  EXPECT_EQ(seen[1].next, result.cut);
  EXPECT_EQ(cursor->position(), result.cut);
}

TYPED_TEST_P(EventLogContract, CountsAnIdOnceInABatchAcrossBatchesAndAcrossReopening) {
  EXPECT_EQ(
      this->Append({this->Event("a"), this->Event("b"), this->Event("a", "other")}).duplicates, 1U);
  const AppendResult again = this->Append({this->Event("b"), this->Event("c")});
  EXPECT_EQ(again.duplicates, 1U);
  EXPECT_EQ(again.accepted, 1U);
  this->OpenAgain();
  const AppendResult after = this->Append({this->Event("a"), this->Event("b"), this->Event("c")});
  EXPECT_EQ(after.duplicates, 3U);
  EXPECT_EQ(after.accepted, 0U);
  EXPECT_EQ(this->Ids(), (std::vector<std::string>{"a", "b", "c"}));
}

TYPED_TEST_P(EventLogContract, AnEventAndADecisionWithTheSameIdAreTwoThings) {
  NewDecision decision;
  decision.id = *Uuid::Parse("0190163d-8694-739b-aea5-966c26f8ad91");
  decision.endpoint = "home";
  decision.unit = "u1";
  EXPECT_EQ(this->Append({decision, this->Event("0190163d-8694-739b-aea5-966c26f8ad91")}).accepted,
            2U);
  EXPECT_EQ(this->Append({decision}).duplicates, 1U);
}

TYPED_TEST_P(EventLogContract, MakesAnIdWhenNoneWasGiven) {
  EXPECT_EQ(this->Append({this->Event(""), this->Event("")}).accepted, 2U);
  const auto ids = this->Ids();
  ASSERT_EQ(ids.size(), 2U);
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_TRUE(Uuid::Parse(ids[0]).has_value());
}

TYPED_TEST_P(EventLogContract, ACutResumesExactlyWhereItWasTaken) {
  const Cut cut = this->Append({this->Event("a"), this->Event("b")}).cut;
  this->Append({this->Event("c", "u9", "i9")});
  EXPECT_EQ(this->Ids(cut), (std::vector<std::string>{"c"}));
  this->OpenAgain();
  EXPECT_EQ(this->Ids(cut), (std::vector<std::string>{"c"}));
  EXPECT_EQ(this->Ids(Cut::Parse(cut.ToString()).value()), (std::vector<std::string>{"c"}));
  EXPECT_TRUE(this->Ids(this->log().end()).empty());
}

TYPED_TEST_P(EventLogContract, RefusesAWholeBatchForOneWrongRecordAndNamesIt) {
  NewEvent wrong = this->Event("b");
  wrong.unit = "";
  const auto result = AppendAndWait(this->log(), std::vector<NewRecord>{this->Event("a"), wrong});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(result.status().message(), "record 1: field \"unit\": must not be empty");
  EXPECT_TRUE(this->Ids().empty());
  EXPECT_EQ(this->Append({this->Event("a")}).accepted, 1U);
}

TYPED_TEST_P(EventLogContract, ReceivedNeverFallsAndTheFutureIsFlagged) {
  NewEvent now = this->Event("now");
  now.time = std::nullopt;
  NewEvent late = this->Event("late");
  late.time = this->maker_.clock().Now() + std::chrono::minutes(5);
  NewEvent future = this->Event("future");
  future.time = this->maker_.clock().Now() + std::chrono::minutes(5) + std::chrono::milliseconds(1);
  this->Append({now, late, future});
  this->maker_.clock().Advance(std::chrono::minutes(-10));
  this->Append({this->Event("after")});
  this->OpenAgain();
  this->Append({this->Event("after reopening")});
  const auto cursor = this->log().Read({});
  Time last{};
  std::vector<bool> flags;
  for (auto record = cursor->Next(); record.ok() && *record != nullptr; record = cursor->Next()) {
    EXPECT_GE((*record)->received, last);
    last = (*record)->received;
    if ((*record)->kind == RecordKind::kEvent) {
      flags.push_back((*record)->future);
      if (flags.size() == 1) {
        EXPECT_EQ((*record)->time, (*record)->received);
      }
    }
  }
  EXPECT_EQ(flags, (std::vector<bool>{false, false, true, false, false}));
}

TYPED_TEST_P(EventLogContract, FindsTheCutOfATime) {
  std::vector<Cut> cuts;
  std::vector<Time> times;
  for (int i = 0; i < 20; ++i) {
    times.push_back(this->maker_.clock().Now());
    cuts.push_back(this->log().end());
    this->Append({this->Event("e" + std::to_string(i), "u" + std::to_string(i % 3))});
    this->maker_.clock().Advance(std::chrono::seconds(1));
  }
  for (size_t i = 0; i < times.size(); ++i) {
    EXPECT_EQ(this->Ids(this->log().CutAt(times[i]).value()).size(), 20 - i);
    EXPECT_EQ(this->Ids(this->log().CutAt(times[i] + std::chrono::milliseconds(1)).value()).size(),
              19 - i);
  }
  EXPECT_EQ(this->log().CutAt(this->maker_.clock().Now()).value(), this->log().end());
}

TYPED_TEST_P(EventLogContract, WaitsForTheNextRecordAndStopsWhenAsked) {
  const Cut end = this->log().end();
  std::stop_source stop;
  bool moved = false;
  std::jthread waiter([&] { moved = this->log().WaitBeyond(end, stop.get_token()); });
  this->Append({this->Event("a")});
  waiter.join();
  EXPECT_TRUE(moved);
  std::jthread stopped(
      [&] { moved = this->log().WaitBeyond(this->log().end(), stop.get_token()); });
  stop.request_stop();
  stopped.join();
  EXPECT_FALSE(moved);
}

TYPED_TEST_P(EventLogContract, ManyWritersAndReadersAgree) {
  constexpr int kWriters = 4;
  constexpr int kBatches = 50;
  std::vector<std::jthread> threads;
  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> duplicates{0};
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      for (int b = 0; b < kBatches; ++b) {
        const std::string own = fmt::format("{}-{}", w, b);
        const std::string shared = fmt::format("shared-{}", b);
        const std::string unit = fmt::format("u{}", b % 7);
        const std::string item = fmt::format("i{}", b % 11);
        const auto result = AppendAndWait(
            this->log(),
            std::vector<NewRecord>{this->Event(own, unit, item), this->Event(shared, unit, item)});
        if (!result.ok()) {
          ADD_FAILURE() << result.status().ToString();
          return;
        }
        accepted += result->accepted;
        duplicates += result->duplicates;
        const auto history = this->store_->history().Get(*this->store_->FindUnit(unit));
        ASSERT_NE(history, nullptr);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(accepted, uint64_t{kWriters * kBatches + kBatches});
  EXPECT_EQ(duplicates, uint64_t{(kWriters - 1) * kBatches});
  EXPECT_EQ(this->Ids().size(), accepted);
}

REGISTER_TYPED_TEST_SUITE_P(EventLogContract, GivesBackWhatWasAppendedInOrder,
                            CountsAnIdOnceInABatchAcrossBatchesAndAcrossReopening,
                            AnEventAndADecisionWithTheSameIdAreTwoThings, MakesAnIdWhenNoneWasGiven,
                            ACutResumesExactlyWhereItWasTaken,
                            RefusesAWholeBatchForOneWrongRecordAndNamesIt,
                            ReceivedNeverFallsAndTheFutureIsFlagged, FindsTheCutOfATime,
                            WaitsForTheNextRecordAndStopsWhenAsked, ManyWritersAndReadersAgree);

}  // namespace hoego::events
