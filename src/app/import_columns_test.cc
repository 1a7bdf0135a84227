#include "app/import_columns.h"

#include <gtest/gtest.h>

#include <fstream>

#include "storage/temp_folder.h"

namespace hoego::app {
namespace {

class ImportColumnsTest : public ::testing::Test {
 protected:
  void SetUp() override { std::ofstream(path_) << "\xef\xbb\xbfuser_id, film,ts\nann,alien,1\n"; }

  std::string Refusal(const std::vector<std::string>& columns) {
    const Status status = CheckColumns(columns, path_);
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    return std::string(status.message());
  }

  storage::TempFolder folder_;
  const std::string path_ = folder_ / "plays.csv";
};

TEST_F(ImportColumnsTest, TakesWhatTheImportTakes) {
  EXPECT_TRUE(CheckColumns({"unit=user_id", "item=film", "time=ts", "type=watch"}, path_).ok());
  EXPECT_TRUE(CheckColumns({"unit=user_id,item=film", "properties=*"}, path_).ok());
  EXPECT_TRUE(CheckColumns({"unit=user_id", "properties=film+ts"}, path_).ok());
  EXPECT_TRUE(CheckColumns({"unit=user_id", "properties=film", "properties=ts"}, path_).ok());
}

TEST_F(ImportColumnsTest, NamesWhatIsWrong) {
  EXPECT_NE(Refusal({"unit"}).find("\"unit\": expected field=column"), std::string::npos);
  EXPECT_NE(Refusal({"unit="}).find("expected field=column"), std::string::npos);
  EXPECT_NE(Refusal({"unti=user_id"}).find("did you mean \"unit\"?"), std::string::npos);
  EXPECT_NE(Refusal({"unit=user_id", "unit=film"}).find("unit is given twice"), std::string::npos);
  EXPECT_NE(Refusal({"unit=userid"}).find("did you mean \"user_id\"?"), std::string::npos);
  EXPECT_NE(Refusal({"unit=user_id", "properties=film+year"}).find("no column \"year\""), std::string::npos);
  EXPECT_NE(Refusal({"item=film"}).find("unit=<column> is required"), std::string::npos);
}

TEST_F(ImportColumnsTest, LeavesAMissingFileToTheImport) {
  EXPECT_TRUE(CheckColumns({"unit=user_id"}, folder_ / "nowhere.csv").ok());
}

}  // namespace
}  // namespace hoego::app
