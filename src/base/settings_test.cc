#include "base/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/disk.h"

namespace hoego {
namespace {

const std::vector<Setting>& Table() {
  static const std::vector<Setting> table = {
      {.name = "events.segment_bytes",
       .type = SettingType::kBytes,
       .fallback = "64MiB",
       .text = "Size at which a segment is sealed; larger: fewer files, slower start.",
       .min = 4096,
       .max = 1 << 30},
      {.name = "events.retention",
       .type = SettingType::kDuration,
       .fallback = "90d",
       .text = "How long.",
       .min = 1000},
      {.name = "http.threads",
       .type = SettingType::kInt,
       .fallback = "2",
       .text = "Threads.",
       .min = 1,
       .max = 64},
      {.name = "gate.gain",
       .type = SettingType::kDouble,
       .fallback = "0.01",
       .text = "Gain.",
       .max = 1},
      {.name = "simd",
       .type = SettingType::kChoice,
       .fallback = "auto",
       .text = "Level.",
       .choices = {"auto", "scalar", "avx2"}},
      {.name = "http.gzip",
       .type = SettingType::kBool,
       .fallback = "true",
       .text = "Pack bodies.",
       .live = true},
      {.name = "s3.secret",
       .type = SettingType::kString,
       .fallback = "",
       .text = "Key.",
       .secret = true},
      {.name = "s3.bucket",
       .type = SettingType::kString,
       .fallback = "hoego",
       .text = "Bucket | folder."}};
  return table;
}

std::string Refusal(std::string_view assignment) {
  Settings settings(Table());
  const Status s = settings.SetAssignment(assignment);
  EXPECT_EQ(s.code(), Code::kInvalidArgument) << assignment;
  return std::string(s.message());
}

TEST(SettingsTest, BeginsWithTheFallbacks) {
  const Settings s(Table());
  EXPECT_EQ(s.Int("events.segment_bytes"), 64 << 20);
  EXPECT_EQ(s.Int("events.retention"), 90LL * 86'400'000);
  EXPECT_EQ(s.Int("http.threads"), 2);
  EXPECT_EQ(s.Double("gate.gain"), 0.01);
  EXPECT_EQ(s.String("simd"), "auto");
  EXPECT_TRUE(s.Bool("http.gzip"));
  EXPECT_EQ(s.String("s3.secret"), "");
  EXPECT_FALSE(s.changed("simd"));
}

TEST(SettingsTest, TakesValuesOfEveryType) {
  Settings s(Table());
  for (const std::string_view assignment :
       {"events.segment_bytes=1MiB", "events.retention = 36h", "http.threads=64", "gate.gain=-2.5",
        "simd=avx2", "http.gzip=false", "s3.bucket=a=b"}) {
    ASSERT_TRUE(s.SetAssignment(assignment).ok()) << assignment;
  }
  EXPECT_EQ(s.Int("events.segment_bytes"), 1 << 20);
  EXPECT_EQ(s.Int("events.retention"), 36LL * 3'600'000);
  EXPECT_EQ(s.Double("gate.gain"), -2.5);
  EXPECT_EQ(s.String("s3.bucket"), "a=b");
  EXPECT_TRUE(s.changed("simd"));
  EXPECT_FALSE(s.changed("s3.secret"));
  EXPECT_EQ(s.Text("events.segment_bytes"), "1MiB");
  EXPECT_EQ(s.Text("events.retention"), "36h");
  EXPECT_EQ(s.Text("http.threads"), "64");
  EXPECT_EQ(s.Text("gate.gain"), "-2.5");
  EXPECT_EQ(s.Text("http.gzip"), "false");
}

TEST(SettingsTest, NamesTheNearestKnownName) {
  EXPECT_EQ(Refusal("http.thread=2"), "no setting \"http.thread\"; did you mean \"http.threads\"?");
  EXPECT_EQ(Refusal("completely.unknown=2"), "no setting \"completely.unknown\"");
}

TEST(SettingsTest, NamesWhatWasExpected) {
  EXPECT_EQ(Refusal("http.threads=0"),
            "setting http.threads = \"0\": expected a whole number, 1..64");
  EXPECT_EQ(Refusal("http.threads=65"),
            "setting http.threads = \"65\": expected a whole number, 1..64");
  EXPECT_EQ(Refusal("http.threads=two"),
            "setting http.threads = \"two\": expected a whole number, 1..64");
  EXPECT_EQ(Refusal("gate.gain=nan"), "setting gate.gain = \"nan\": expected a number, <= 1");
  EXPECT_EQ(Refusal("simd=avx9"), "setting simd = \"avx9\": expected auto|scalar|avx2");
  EXPECT_EQ(Refusal("http.gzip=yes"), "setting http.gzip = \"yes\": expected true|false");
  EXPECT_EQ(Refusal("events.retention=5"),
            "setting events.retention = \"5\": expected a duration such as 500ms, 10s, 5m, 2h or "
            "1d, >= 1s");
  EXPECT_EQ(Refusal("events.retention=999ms"),
            "setting events.retention = \"999ms\": expected a duration such as 500ms, 10s, 5m, 2h "
            "or 1d, >= 1s");
  EXPECT_EQ(Refusal("events.segment_bytes=2GiB"),
            "setting events.segment_bytes = \"2GiB\": expected a size such as 4096, 64kB or 64MiB, "
            "4KiB..1GiB");
  EXPECT_EQ(Refusal("http.threads"), "\"http.threads\": expected name=value");
}

TEST(SettingsTest, ARefusedValueChangesNothing) {
  Settings s(Table());
  ASSERT_FALSE(s.Set("http.threads", "900").ok());
  EXPECT_EQ(s.Int("http.threads"), 2);
  EXPECT_FALSE(s.changed("http.threads"));
}

TEST(SettingsTest, TakesJsonValues) {
  Settings s(Table());
  JsonParser parser;
  const auto root = parser.Parse(
      R"({"http.threads": 8.0, "gate.gain": 0.5, "http.gzip": false, "simd": "scalar", "events.retention": "2h"})");
  ASSERT_TRUE(root->ForEachField(
                      [&](std::string_view name, JsonRef value) { return s.SetJson(name, value); })
                  .ok());
  EXPECT_EQ(s.Int("http.threads"), 8);
  EXPECT_EQ(s.Double("gate.gain"), 0.5);
  EXPECT_FALSE(s.Bool("http.gzip"));
  EXPECT_EQ(s.String("simd"), "scalar");
  EXPECT_EQ(s.Int("events.retention"), 7'200'000);
  EXPECT_EQ(s.SetJson("http.threads", *parser.Parse("2.5")).code(), Code::kInvalidArgument);
  EXPECT_EQ(s.SetJson("http.threads", *parser.Parse("[1]")).message(),
            "setting http.threads: expected a string, a number or a boolean, got array");
}

class SettingsFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = JoinPath(testing::TempDir(), "hoego_settings_XXXXXX");
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = JoinPath(folder_, "hoego.conf");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Status Load(std::string_view text) {
    EXPECT_TRUE(WriteFileAtomically(RealDisk(), path_, text).ok());
    return settings_.SetFile(path_);
  }
  Settings settings_{Table()};
  std::string folder_;
  std::string path_;
};

TEST_F(SettingsFileTest, ReadsBothForms) {
  const Status s = Load(
      "# ours\n\nhttp.threads = 4   # four\r\n simd: scalar\ns3.bucket = \"a # b\" # "
      "quoted\ns3.secret=x#y\n");
  EXPECT_EQ(s.ToString(), "ok");
  EXPECT_EQ(settings_.Int("http.threads"), 4);
  EXPECT_EQ(settings_.String("simd"), "scalar");
  EXPECT_EQ(settings_.String("s3.bucket"), "a # b");
  EXPECT_EQ(settings_.String("s3.secret"), "x#y");  // no blank before it: part of the value
}

TEST_F(SettingsFileTest, ABadLineIsNamedAndNothingOfTheFileIsTaken) {
  EXPECT_EQ(Load("http.threads = 4\n\nsmid = avx2\n").message(),
            path_ + ":3: no setting \"smid\"; did you mean \"simd\"?");
  EXPECT_EQ(settings_.Int("http.threads"), 2);
  EXPECT_EQ(Load("http.threads").message(), path_ + ":1: expected name = value");
  EXPECT_EQ(Load("s3.bucket = \"open").message(), path_ + ":1: a quote that is never closed");
  EXPECT_EQ(Load("s3.bucket = \"a\" b").message(),
            path_ + ":1: expected a # comment or nothing after the closing quote");
  EXPECT_EQ(settings_.SetFile(folder_ + "/none").code(), Code::kNotFound);
}

TEST(SettingsTest, ASecretIsNeverShown) {
  Settings s(Table());
  ASSERT_TRUE(s.Set("s3.secret", "hunter2").ok());
  JsonWriter w;
  s.WriteJson(w);
  EXPECT_EQ(w.text().find("hunter2"), std::string::npos);
  EXPECT_EQ(s.Help().find("hunter2"), std::string::npos);
  EXPECT_EQ(s.Markdown().find("hunter2"), std::string::npos);
  const std::vector<Setting> table = {
      {.name = "code", .type = SettingType::kInt, .fallback = "1", .text = "", .secret = true}};
  Settings secret_number(table);
  EXPECT_EQ(secret_number.Set("code", "hunter2").message(),
            "setting code = \"(secret)\": expected a whole number");
}

TEST(SettingsTest, WritesItsTable) {
  Settings s(Table());
  ASSERT_TRUE(s.Set("http.threads", "3").ok());
  JsonWriter w;
  s.WriteJson(w);
  JsonParser parser;
  const auto root = parser.Parse(w.text());
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->size(), Table().size());
  EXPECT_NE(
      w.text().find(
          R"({"name":"http.threads","type":"integer","value":"3","default":"2","text":"Threads.",)"
          R"("allowed":"1..64","live":false,"secret":false,"changed":true})"),
      std::string::npos);
  EXPECT_NE(w.text().find(R"("choices":["auto","scalar","avx2"])"), std::string::npos);
  EXPECT_NE(s.Help().find("  http.gzip=true  (bool, true|false, live)\n      Pack bodies.\n"),
            std::string::npos);
  EXPECT_NE(s.Markdown().find(
                "| `events.segment_bytes` | bytes | `64MiB` | 4KiB..1GiB |  | Size at which"),
            std::string::npos);
  EXPECT_NE(s.Markdown().find("Bucket \\| folder."), std::string::npos);
}

TEST(SettingsDeathTest, ATableThatContradictsItselfEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::vector<Setting> bad_fallback = {
      {.name = "n", .type = SettingType::kInt, .fallback = "x", .text = ""}};
  EXPECT_DEATH(Settings{bad_fallback}, "check failed");
  const std::vector<Setting> twice = {
      {.name = "n", .type = SettingType::kInt, .fallback = "1", .text = ""},
      {.name = "n", .type = SettingType::kInt, .fallback = "1", .text = ""}};
  EXPECT_DEATH(Settings{twice}, "check failed");
  EXPECT_DEATH(Settings(Table()).Int("simd"), "check failed");
  EXPECT_DEATH(Settings(Table()).Int("none"), "check failed");
}

}  // namespace
}  // namespace hoego
