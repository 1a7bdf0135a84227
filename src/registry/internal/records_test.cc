#include "registry/internal/records.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "registry/internal/memory_journal.h"

namespace hoego::registry::internal {
namespace {

// Format 1 to the byte, as docs/formats/definitions.md has it. These lines stand in logs: they may
// not change.
struct Line {
  const char* kind;
  const char* name;
  const char* json;
};
constexpr std::array<Line, 5> kGolden = {{
    {"model", "films",
     R"({"format":1,"revision":1,"at":"2026-11-22T07:20:51.042Z","description":"what to watch","tags":{}})"},
    {"version", "films/1",
     R"({"format":1,"revision":2,"at":"2026-11-22T07:21:03.700Z","source":"runs:/01935a/model","run_id":"01935a",)"
     R"("description":"","dataset_digest":"2c26b4","from_cut":"0","to_cut":"81920","tags":{"k":"값"},)"
     R"("metrics":{"loss":"NaN","ndcg@10":0.125},"status":"READY"})"},
    {"alias", "films@champion",
     R"({"format":1,"revision":3,"at":"2026-11-22T07:25:00.000Z","version":1,"was":0,"reason":"first","who":"ada"})"},
    {"version", "films/2",
     R"({"format":1,"revision":4,"attempt":2,"at":"2026-11-22T07:26:00.000Z","source":"","run_id":"","description":"",)"
     R"("dataset_digest":"","from_cut":"","to_cut":"","tags":{},"metrics":{"up":"Infinity"},"status":"PENDING_REGISTRATION"})"},
    {"alias", "films@champion",
     R"({"format":1,"revision":5,"attempt":2,"at":"2026-11-22T07:27:00.000Z","version":2,"was":1,"reason":"","who":""})"},
}};

TEST(RecordsTest, ReadsAndWritesFormatOneToTheByte) {
  for (const Line& line : kGolden) {
    const auto record = Decode(line.kind, line.name, line.json, Time{});
    ASSERT_TRUE(record.ok()) << record.status().ToString();
    const Encoded again = Encode(*record);
    EXPECT_EQ(again.kind, line.kind);
    EXPECT_EQ(again.name, line.name);
    EXPECT_EQ(again.json, line.json);
  }
}

TEST(RecordsTest, ALogOfFormatOneStillGivesItsState) {
  MemoryJournal journal;
  FakeClock clock;
  const auto registry = Registry::Make(journal, clock);
  for (const Line& line : kGolden) {
    const Status status = registry->Apply(line.kind, line.name, line.json, Time{});
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  const auto model = registry->GetModel("films");
  EXPECT_EQ(model->description, "what to watch");
  EXPECT_EQ(model->aliases.at("champion"), 2u);
  EXPECT_EQ(FormatTime(model->created), "2026-11-22T07:20:51.042Z");
  EXPECT_EQ(FormatTime(model->updated), "2026-11-22T07:27:00.000Z");
  EXPECT_EQ(registry->GetVersion("films", 1)->tags.at("k"), "값");
  EXPECT_EQ(registry->GetVersion("films", 2)->status, "PENDING_REGISTRATION");
  EXPECT_EQ(registry->History("films")->front().who, "ada");
}

}  // namespace
}  // namespace hoego::registry::internal
