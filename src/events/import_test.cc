#include "events/import.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/fault_disk.h"
#include "events/export.h"
#include "events/internal/import_rows.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

class Importing : public testing::Test {
 protected:
  Importing() : disk_(5), store_(disk_) {
    SetLogLevel(LogLevel::kError);
    store_.options.segment_bytes = 1u << 20;
    store_.Open();
    std::string pattern = testing::TempDir() + "hoego-import-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~Importing() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, std::string_view text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  ImportReport MustImport(const ImportOptions& options) {
    const auto report = Import(*store_, options);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? *report : ImportReport{};
  }
  std::vector<std::string> Exported(const ExportOptions& options = {}) {
    std::vector<std::string> lines;
    const auto report = Export(*store_, options, [&](std::string_view line) -> Status {
      lines.emplace_back(line);
      return {};
    });
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return lines;
  }
  const ItemInfo& Info(std::string_view item) {
    view_ = store_->catalogue().view();
    return *view_->Find(*store_->FindItem(item));
  }

  FaultDisk disk_;
  TestStore store_;
  std::string folder_;
  std::shared_ptr<const CatalogueView> view_;
};

// HOEGO_DATA, or ../shared/data beside the repository.
std::string DataFolder(const std::string& name) {
  const char* const named = std::getenv("HOEGO_DATA");
  std::filesystem::path root = named != nullptr ? named : "";
  for (auto at = std::filesystem::path(__FILE__).parent_path();
       root.empty() && at != at.root_path(); at = at.parent_path()) {
    if (std::filesystem::is_directory(at / "shared" / "data")) {
      root = at / "shared" / "data";
    }
  }
  const auto path = root / name;
  return std::filesystem::is_directory(path) ? path.string() : "";
}

TEST_F(Importing, TakesMovieLens100kWhole) {
  const std::string folder = DataFolder("movielens-100k");
  if (folder.empty()) {
    GTEST_SKIP() << "HOEGO_DATA/movielens-100k is not here: NOT TESTED";
  }
  ImportOptions options;
  options.path = folder;
  double share = 0;
  const auto report = Import(*store_, options, [&](const ImportProgress& p) {
    EXPECT_GE(p.share, share - 1e-9);
    share = p.share;
  });
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->rows, 101'682U);  // 1,682 films and 100,000 ratings
  EXPECT_EQ(report->accepted, 101'682U);
  EXPECT_EQ(report->duplicates, 0U);
  EXPECT_EQ(share, 1.0);
  EXPECT_EQ(store_->unit_count(), 943U);
  EXPECT_EQ(store_->item_count(), 1682U);
  EXPECT_EQ(store_->catalogue().entries(), 1682U);
  EXPECT_EQ(Info("1").attributes, R"j({"title":"Toy Story (1995)"})j");
  std::vector<std::string> genres;
  for (const uint32_t category : Info("1").categories) {
    genres.push_back(store_->catalogue().CategoryName(category));
  }
  EXPECT_EQ(genres, (std::vector<std::string>{"Animation", "Children's", "Comedy"}));
  EXPECT_EQ(Info("543").attributes,
            "{\"title\":\"Mis\xc3\xa9rables, Les (1995)\"}");  // Latin-1 in the file
  EXPECT_EQ(store_->history().Get(*store_->FindUnit("196"))->size(), 39U);
  const std::vector<std::string> lines = Exported();
  ASSERT_EQ(lines.size(), 100'000U);
  EXPECT_NE(
      lines[0].find(
          R"("unit":"196","time":"1997-12-04T15:55:49.000Z","type":"watch","item":"242","value":3)"),
      std::string::npos)
      << lines[0];

  const ImportReport again = MustImport(options);
  EXPECT_EQ(again.accepted, 0U);
  EXPECT_EQ(again.duplicates, 101'682U);
}

TEST_F(Importing, TakesTheCsvFilesOfLatestSmall) {
  const std::string folder = DataFolder("movielens-latest-small");
  if (folder.empty()) {
    GTEST_SKIP() << "HOEGO_DATA/movielens-latest-small is not here: NOT TESTED";
  }
  ImportOptions options;
  options.path = folder;
  const ImportReport report = MustImport(options);
  EXPECT_EQ(report.rows, 110'578U);  // 9,742 films and 100,836 ratings
  EXPECT_EQ(report.accepted, 110'578U);
  EXPECT_EQ(store_->unit_count(), 610U);
  EXPECT_EQ(store_->catalogue().entries(), 9742U);
  EXPECT_EQ(Info("11").attributes,
            R"j({"title":"American President, The (1995)"})j");  // quoted in the file
}

TEST_F(Importing, TellsTheKindsOfMovieLensFilesApart) {
  ImportOptions options;
  options.path = Write(
      "ml.inter",
      "user_id:token\titem_id:token\trating:float\ttimestamp:float\n196\t242\t3\t881250949\n");
  EXPECT_EQ(MustImport(options).accepted, 1U);
  options.path = Write("u.data", "196\t242\t3\t881250949\n196\t243\t4\t881250949\n");
  const ImportReport same = MustImport(options);  // the first is the same rating
  EXPECT_EQ(same.accepted, 1U);
  EXPECT_EQ(same.duplicates, 1U);
  options.path = Write("ratings.dat", "1::1193::5::978300760\n");
  EXPECT_EQ(MustImport(options).accepted, 1U);
  options.path = Write("ml.item",
                       "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
                       "1\tToy Story\t1995\tAnimation Children's\n");
  EXPECT_EQ(MustImport(options).accepted, 1U);
  EXPECT_EQ(Info("1").attributes, R"({"title":"Toy Story","year":"1995"})");
  EXPECT_EQ(Info("1").categories.size(), 2U);
  options.path = Write("movies.dat", "2::Jumanji (1995)::Adventure|Children's\n");
  EXPECT_EQ(MustImport(options).accepted, 1U);
  options.path = Write("other", "hello world\n");
  EXPECT_EQ(Import(*store_, options).status().code(), Code::kInvalidArgument);
}

TEST_F(Importing, MapsTheColumnsOfACsvFile) {
  ImportOptions options;
  options.format = ImportFormat::kCsv;
  options.path = Write("log.csv",
                       "user_id,movie,ts,price,device,action\n"
                       "kim,\"Parasite, 2019\",2024-01-02T03:04:05Z,9.5,tv,buy\n"
                       "lee,Oldboy,1704164645,,phone,\n"
                       "\n"
                       "lee,Oldboy,1704164645123,3,phone,view\n");
  options.columns =
      "unit=user_id, item=movie, time=ts, type=action, value=price, properties=device";
  options.on_error = OnError::kSkip;
  const ImportReport report = MustImport(options);
  EXPECT_EQ(report.rows, 3U);
  EXPECT_EQ(report.accepted, 2U);
  EXPECT_EQ(report.refused, 1U);
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_EQ(report.errors[0].line, 3U);
  EXPECT_EQ(report.errors[0].error, "field \"type\": must not be empty");
  const std::vector<std::string> lines = Exported();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(
      lines[0].find(
          R"("unit":"kim","time":"2024-01-02T03:04:05.000Z","type":"buy","item":"Parasite, 2019",)"
          R"("value":9.5,"properties":{"device":"tv"})"),
      std::string::npos)
      << lines[0];
  EXPECT_NE(lines[1].find(R"("time":"2024-01-02T03:04:05.123Z")"), std::string::npos) << lines[1];
  EXPECT_EQ(MustImport(options).duplicates, 2U);
}

TEST_F(Importing, AConstantTypeAndAllOtherColumns) {
  ImportOptions options;
  options.format = ImportFormat::kCsv;
  options.path = Write("log.csv", "who,what,a,b\nkim,film,1,2\n");
  options.columns = "unit=who,item=what,type=watch,properties=*";
  EXPECT_EQ(MustImport(options).accepted, 1U);
  EXPECT_NE(Exported()[0].find(R"("type":"watch","item":"film","properties":{"a":"1","b":"2"})"),
            std::string::npos);
}

TEST_F(Importing, AWrongMapIsRefusedByName) {
  ImportOptions options;
  options.format = ImportFormat::kCsv;
  options.path = Write("log.csv", "user_id,film\n");
  const auto why = [&](const std::string& columns) {
    options.columns = columns;
    return std::string(Import(*store_, options).status().message());
  };
  EXPECT_EQ(why("unit=user_di"),
            "columns: the file has no column \"user_di\", did you mean \"user_id\"?");
  EXPECT_NE(why("person=user_id").find("unknown field \"person\""), std::string::npos);
  EXPECT_EQ(why("item=film"), "columns: unit=<column> is required");
  EXPECT_NE(why("").find("csv needs a map"), std::string::npos);
}

TEST_F(Importing, StopsAtTheFirstBadLineAndNamesIt) {
  ImportOptions options;
  options.path = Write("u.data", "1\t2\t3\t881250949\n1\t2\tgood\t881250949\n");
  const auto report = Import(*store_, options);
  EXPECT_EQ(report.status().message(), "u.data line 2: rating \"good\": expected a number");
}

TEST_F(Importing, WhatIsExportedComesBackEqual) {
  NewEvent event = MakeEvent("a", "김민아", "영화", "like");
  event.value = 0.1;
  event.decision = Uuid::Parse("0190163d-8694-739b-aea5-966c26f8ad91");
  event.properties = R"({"x":[1,2,{"y":null}]})";
  store_.MustAppend({event, MakeEvent("b", "u2", ""), MakeEvent("", "u3")});
  const std::vector<std::string> lines = Exported();
  std::string text;
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  TestStore other(disk_, "data/other");
  other.Open();
  ImportOptions options;
  options.format = ImportFormat::kJsonl;
  options.path = Write("export.jsonl", text);
  ASSERT_EQ(Import(*other, options)->accepted, 3U);
  std::vector<std::string> back;
  ASSERT_TRUE(Export(*other, {}, [&](std::string_view line) -> Status {
                back.emplace_back(line);
                return {};
              }).ok());
  ASSERT_EQ(back.size(), lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto said = [](const std::string& line) {
      return line.substr(0, line.find(",\"received\""));
    };
    EXPECT_EQ(said(back[i]), said(lines[i]));
  }
  // Into the log it came from it is nothing new.
  EXPECT_EQ(MustImport(options).duplicates, 3U);
}

TEST_F(Importing, WhatAnExportHoldsBesideEventsIsSkippedAndCounted) {
  store_.MustAppend({MakeEvent("a"), MakeEvent("b", "gone"), MakeEvent("c", "u2"),
                     NewExposure{FromUnixMillis(1'600'000'000'000), "t", "b", "u1"}});
  NewDecision decision;
  decision.endpoint = "home";
  decision.unit = "u1";
  store_.MustAppend({decision});
  ASSERT_TRUE(store_->Forget("gone").ok());
  ExportOptions all;
  ASSERT_TRUE(SetExportKind(all, "all").ok());
  std::string text;
  for (const std::string& line : Exported(all)) {
    text += line + "\n";
  }
  text += R"({"kind":"catalogue","item":"i1"})";
  TestStore other(disk_, "data/other");
  other.Open();
  ImportOptions options;
  options.format = ImportFormat::kJsonl;
  options.path = Write("export.jsonl", text);
  const auto report = Import(*other, options);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->rows, 6U);
  EXPECT_EQ(report->accepted, 2U);
  EXPECT_EQ(report->skipped, 4U);  // an erased event, an exposure, a decision, a catalogue entry
  EXPECT_EQ(report->refused, 0U);
  EXPECT_EQ(EventIds(*other), (std::vector<std::string>{"a", "c"}));
  options.path = Write("bad.jsonl", R"({"kind":7,"unit":"u"})");
  EXPECT_EQ(Import(*other, options).status().code(), Code::kInvalidArgument);
}

TEST_F(Importing, EqualRowsOfAFileCountOnceEachAndAgainNothing) {
  const std::string csv =
      "who,what,ts\n"
      "kim,film,1704164645\nlee,film,1704164645\nkim,film,1704164645\nkim,film,1704164645\n";
  ImportOptions options;
  options.format = ImportFormat::kCsv;
  options.columns = "unit=who,item=what,time=ts,type=watch";
  options.path = Write("log.csv", csv);
  const ImportReport first = MustImport(options);
  EXPECT_EQ(first.accepted, 4U);
  EXPECT_EQ(first.duplicates, 0U);
  // Batches of one: how often a row was there does not end with a batch.
  options.batch_records = 1;
  EXPECT_EQ(MustImport(options).duplicates, 4U);
  // The file grew since: only what is new counts.
  options.path = Write("log.csv", csv + "kim,film,1704164645\nlee,film,1704164645\n");
  const ImportReport grown = MustImport(options);
  EXPECT_EQ(grown.accepted, 2U);
  EXPECT_EQ(grown.duplicates, 4U);
  const std::vector<std::string> ids = EventIds(*store_);
  ASSERT_EQ(ids.size(), 6U);
  // The id of a first row is what it always was.
  ImportedRow row;
  row.type = "watch";
  row.unit = "kim";
  row.item = "film";
  row.time = FromUnixMillis(1'704'164'645'000);
  EXPECT_EQ(ids[0], MakeRowId(row));
  EXPECT_EQ(ids[2], MakeRowId(row) + "#1");
  EXPECT_EQ(ids[3], MakeRowId(row) + "#2");
  EXPECT_EQ(ids[4], MakeRowId(row) + "#3");
}

TEST_F(Importing, EqualRatingsCountOnceEachAndLinesWithAnIdOnce) {
  ImportOptions options;
  options.path = Write("u.data", "1\t2\t3\t881250949\n1\t2\t3\t881250949\n");
  EXPECT_EQ(MustImport(options).accepted, 2U);
  EXPECT_EQ(MustImport(options).duplicates, 2U);
  EXPECT_EQ(EventIds(*store_), (std::vector<std::string>{"movielens:1:2:881250949000",
                                                         "movielens:1:2:881250949000#1"}));
  options.format = ImportFormat::kJsonl;
  const std::string line = R"({"type":"watch","unit":"u","item":"i"})";
  const std::string with_id = R"({"id":"x","type":"watch","unit":"u","item":"i"})";
  options.path = Write("log.jsonl", fmt::format("{}\n{}\n{}\n{}\n", line, line, with_id, with_id));
  const ImportReport report = MustImport(options);
  EXPECT_EQ(report.accepted, 3U);
  EXPECT_EQ(report.duplicates, 1U);
}

TEST_F(Importing, ExportChoosesByKindTypeAndTime) {
  NewEvent late = MakeEvent("late");
  late.time = FromUnixMillis(1'600'000'001'000);
  store_.MustAppend({MakeEvent("a"), MakeEvent("like", "u1", "i1", "like"), late,
                     NewExposure{FromUnixMillis(1'600'000'000'000), "t", "b", "u1"}});
  NewDecision decision;
  decision.endpoint = "home";
  decision.unit = "u1";
  decision.time = FromUnixMillis(1'600'000'000'000);
  const std::vector<ChosenItem> items = {{*store_->FindItem("i1"), 0.5F, 0.1F}};
  decision.items = items;
  store_.MustAppend({decision});
  EXPECT_EQ(Exported().size(), 3U);
  ExportOptions options;
  options.type = "like";
  EXPECT_EQ(Exported(options).size(), 1U);
  options.type = "none";
  EXPECT_EQ(Exported(options).size(), 0U);
  options = {};
  options.from = FromUnixMillis(1'600'000'001'000);
  EXPECT_EQ(Exported(options).size(), 1U);
  options = {};
  options.to = FromUnixMillis(1'600'000'001'000);
  EXPECT_EQ(Exported(options).size(), 2U);
  ASSERT_TRUE(SetExportKind(options, "exposure").ok());
  EXPECT_EQ(Exported(options).size(), 1U);
  ASSERT_TRUE(SetExportKind(options, "decision").ok());
  const std::vector<std::string> decisions = Exported(options);
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_NE(
      decisions[0].find(R"("items":[{"item":"i1","position":1,"score":0.5,"propensity":0.1}])"),
      std::string::npos)
      << decisions[0];
  ASSERT_TRUE(SetExportKind(options, "all").ok());
  options.to.reset();
  EXPECT_EQ(Exported(options).size(), 5U);
  EXPECT_FALSE(SetExportKind(options, "everything").ok());
  ASSERT_TRUE(store_->Forget("u1").ok());
  const std::vector<std::string> erased = Exported(options);
  EXPECT_EQ(erased.size(), 5U);
  for (const std::string& line : erased) {
    EXPECT_NE(line.find(R"("unit":null)"), std::string::npos) << line;
    EXPECT_NE(line.find(R"("erased":true)"), std::string::npos) << line;
  }
}

TEST_F(Importing, StopsWhenAsked) {
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    text += fmt::format("{}\t2\t3\t881250949\n", i);
  }
  ImportOptions options;
  options.path = Write("u.data", text);
  std::stop_source stop;
  const auto report = Import(
      *store_, options, [&](const ImportProgress&) { stop.request_stop(); }, stop.get_token());
  EXPECT_EQ(report.status().code(), Code::kCancelled);
  EXPECT_EQ(EventIds(*store_).size(), 1000U);
}

TEST(ImportedTime, IsSecondsBelowTenToTheEleventhElseMilliseconds) {
  EXPECT_EQ(ToUnixMillis(ParseImportedTime("881250949").value()), 881'250'949'000);
  EXPECT_EQ(ToUnixMillis(ParseImportedTime("881250949.25").value()), 881'250'949'250);
  EXPECT_EQ(ToUnixMillis(ParseImportedTime("1704164645123").value()), 1'704'164'645'123);
  EXPECT_EQ(ToUnixMillis(ParseImportedTime("2024-01-02T03:04:05Z").value()), 1'704'164'645'000);
  EXPECT_FALSE(ParseImportedTime("yesterday").ok());
}

}  // namespace
}  // namespace hoego::events
