#include "events/limits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/fault_disk.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

std::string Why(const NewRecord& record) {
  return std::string(CheckRecord(record).message());
}

TEST(Limits, EachFieldIsRefusedByItsNameAndLimit) {
  const std::string long_text(2000, 'x');
  NewEvent e = MakeEvent("a");
  EXPECT_EQ(Why(e), "");
  e.type = "";
  EXPECT_EQ(Why(e), "field \"type\": must not be empty");
  e = MakeEvent("a");
  e.unit = "";
  EXPECT_EQ(Why(e), "field \"unit\": must not be empty");
  e = MakeEvent(std::string_view(long_text).substr(0, 257));
  EXPECT_EQ(Why(e), "field \"id\": 257 bytes, at most 256");
  e = MakeEvent(std::string_view(long_text).substr(0, 256));
  EXPECT_EQ(Why(e), "");
  e = MakeEvent("a", std::string_view(long_text).substr(0, 513));
  EXPECT_EQ(Why(e), "field \"unit\": 513 bytes, at most 512");
  e = MakeEvent("a", "u", std::string_view(long_text).substr(0, 513));
  EXPECT_EQ(Why(e), "field \"item\": 513 bytes, at most 512");
  e = MakeEvent("a", "u", "i", std::string_view(long_text).substr(0, 129));
  EXPECT_EQ(Why(e), "field \"type\": 129 bytes, at most 128");
  e = MakeEvent("a", "u", "\xff");
  EXPECT_EQ(Why(e), "field \"item\": not valid UTF-8");
  e = MakeEvent("a");
  e.value = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Why(e), "field \"value\": expected a finite number");
  e.value = std::nan("");
  EXPECT_EQ(Why(e), "field \"value\": expected a finite number");
  e = MakeEvent("a");
  e.properties = "[1]";
  EXPECT_EQ(Why(e), "field \"properties\": expected a JSON object");
  const std::string large = "{\"x\":\"" + std::string(64u << 10, 'y') + "\"}";
  e.properties = large;
  EXPECT_EQ(Why(e), fmt::format("field \"properties\": {} bytes, at most 65536", large.size()));
  EXPECT_EQ(Why(UnitChange{"u", "x"}), "field \"attributes\": expected a JSON object");
  EXPECT_EQ(Why(NewExposure{Time{}, "", "a", "u"}), "field \"test\": must not be empty");
  EXPECT_EQ(Why(Definition{"", "n", "{}"}), "field \"kind\": must not be empty");
}

TEST(Limits, ATimeThatRfc3339CannotSayIsRefusedByFieldAndRange) {
  const std::string range = "expected 0001-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z";
  constexpr int64_t kFirst = -62'135'596'800'000;
  constexpr int64_t kLast = 253'402'300'799'999;
  const auto why = [](int64_t ms) {
    const Time time = FromUnixMillis(ms);
    NewEvent event = MakeEvent("a");
    event.time = time;
    NewDecision decision;
    decision.endpoint = "home";
    decision.time = time;
    ItemChange change;
    change.item = "i";
    change.expires = time;
    return std::vector<std::string>{Why(event), Why(NewExposure{time, "t", "a", "u"}),
                                    Why(decision), Why(change)};
  };
  const std::vector<std::string> refused = {"field \"time\": " + range, "field \"time\": " + range,
                                            "field \"time\": " + range,
                                            "field \"expires\": " + range};
  for (const int64_t beyond : {kFirst - 1, kLast + 1, std::numeric_limits<int64_t>::min(),
                               std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(why(beyond), refused) << beyond;
  }
  for (const int64_t within : {kFirst, int64_t{0}, kLast}) {
    EXPECT_EQ(why(within), std::vector<std::string>(4)) << within;
    EXPECT_EQ(ParseTime(FormatTime(FromUnixMillis(within))).value(), FromUnixMillis(within));
  }
  NewEvent early = MakeEvent("a");
  early.time = FromUnixMillis(kFirst - 1);
  FaultDisk disk(1);
  TestStore store(disk);
  store.Open();
  EXPECT_EQ(store.Append({early}).status().code(), Code::kInvalidArgument);
}

// The largest record of each kind still keeps to a record's limit, and comes back.
TEST(Limits, WhatIsJustWithinThemIsTaken) {
  SetLogLevel(LogLevel::kError);
  FaultDisk disk(1);
  TestStore store(disk);
  store.options.segment_bytes = 1u << 20;
  store.Open();
  const std::string unit(kMaxUnitBytes, 'u');
  const std::string item(kMaxItemBytes, 'i');
  const std::string id(kMaxIdBytes, 'd');
  const std::string type(kMaxTypeBytes, 't');
  const std::string properties = "{\"x\":\"" + std::string(kMaxPropertiesBytes - 8, 'y') + "\"}";
  NewEvent event = MakeEvent(id, unit, item, type);
  event.properties = properties;
  ItemChange change;
  change.item = item;
  for (size_t i = 0; i < kMaxCategories; ++i) {
    change.categories.push_back(fmt::format("{:0>512}", i));
  }
  change.attributes = properties;
  const std::string json(kMaxRecordBytes - 4096, 'j');
  const std::string name(kMaxNameBytes, 'n');
  const std::vector<NewRecord> batch = {event, change, Definition{type, name, json},
                                        UnitChange{unit, properties}};
  for (const NewRecord& record : batch) {
    ASSERT_EQ(Why(record), "");
  }
  store.MustAppend(batch);
  NewDecision decision;
  decision.endpoint = decision.test = decision.arm = decision.model = decision.output_digest = name;
  const std::vector<ChosenItem> items(kMaxChosenItems, ChosenItem{ItemKey(0), 1.0F, 0.5F});
  decision.items = items;
  store.MustAppend({decision});
  store.Open();
  EXPECT_EQ(EventIds(*store), std::vector<std::string>{id});
  EXPECT_EQ(store->FindDecision(Uuid{})->decision.items.size(), kMaxChosenItems);
  EXPECT_EQ(store->catalogue().view()->Find(ItemKey(0))->categories.size(), kMaxCategories);
  EXPECT_EQ(store->Doctor().value(), std::vector<std::string>{});
}

TEST(Limits, ADecisionAboutAnItemNobodyKnowsIsRefused) {
  FaultDisk disk(1);
  TestStore store(disk);
  store.Open();
  NewDecision decision;
  decision.endpoint = "home";
  const std::vector<ChosenItem> items(1, ChosenItem{ItemKey(3), 1.0F, 0.5F});
  decision.items = items;
  EXPECT_EQ(store.Append({decision}).status().message(),
            "record 0: field \"items\": no item has key 3");
}

TEST(Limits, OptionsNameTheWrongFieldAndItsRange) {
  StoreOptions options;
  EXPECT_EQ(options.Validate().message(), "folder: must not be empty");
  options.folder = "x";
  EXPECT_TRUE(options.Validate().ok());
  options.segment_bytes = 1;
  EXPECT_EQ(options.Validate().message(), "segment_bytes = 1: expected 1 MiB to 1 GiB");
}

TEST(Limits, ACutReadsBackAndNothingElseDoes) {
  EXPECT_EQ(Cut{123}.ToString(), "0-123");
  EXPECT_EQ(Cut::Parse("0-123").value(), Cut{123});
  for (const std::string_view wrong :
       {"", "0-", "123", "1-5", "0-5x", "0--5", "0-99999999999999999999999"}) {
    EXPECT_FALSE(Cut::Parse(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace hoego::events
