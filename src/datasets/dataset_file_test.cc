#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/disk.h"
#include "base/random.h"
#include "datasets/dataset.h"
#include "datasets/from_files.h"

namespace hoego::datasets {
namespace {

class DatasetFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "hoego_dataset_file_" + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string Read(const std::string& name) const {
    return ReadWholeFile(RealDisk(), Path(name)).value();
  }
  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }

  std::string folder_;
};

Dataset Small() {
  Dataset d =
      FromPairs({{10, "film-a", 1, 1000}, {11, "film-b", -0.5F, 2000}, {10, "필름", 2, 500}},
                R"({"made_from":"test"})");
  d.from_cut = "0-0";
  d.to_cut = "0-99";
  return d;
}

void ExpectEqual(const Dataset& a, const Dataset& b) {
  EXPECT_EQ(a.digest, b.digest);
  EXPECT_EQ(a.from_cut, b.from_cut);
  EXPECT_EQ(a.to_cut, b.to_cut);
  EXPECT_EQ(a.source_json, b.source_json);
  EXPECT_EQ(a.items, b.items);
  EXPECT_EQ(a.unit_keys, b.unit_keys);
  EXPECT_EQ(a.given_parts, b.given_parts);
  ASSERT_EQ(a.samples.size(), b.samples.size());
  for (size_t i = 0; i < a.samples.size(); ++i) {
    EXPECT_EQ(a.samples[i].unit, b.samples[i].unit);
    EXPECT_EQ(a.samples[i].item, b.samples[i].item);
    EXPECT_EQ(a.samples[i].weight, b.samples[i].weight);
    EXPECT_EQ(a.samples[i].time_ms, b.samples[i].time_ms);
  }
}

TEST_F(DatasetFileTest, ReadsBackWhatWasSaved) {
  const Dataset d = Small();
  ASSERT_TRUE(SaveDataset(d, Path("d")).ok());
  ExpectEqual(LoadDataset(Path("d")).value(), d);
  EXPECT_FALSE(RealDisk().Exists(Path("d.partial")));
}

TEST_F(DatasetFileTest, KeepsGivenParts) {
  Write("train", "3 a b\n4 a\n");
  Write("test", "3 c\n");
  const Dataset d = FromGivenLists(Path("train"), Path("test")).value();
  EXPECT_EQ(d.given_parts,
            (std::vector<Part>{Part::kTrain, Part::kTrain, Part::kTest, Part::kTrain}));
  ASSERT_TRUE(SaveDataset(d, Path("d")).ok());
  ExpectEqual(LoadDataset(Path("d")).value(), d);
}

TEST_F(DatasetFileTest, IsLaidOutAsThePageOfTheFormatSays) {
  const Dataset d = FromPairs({{7, "ab", 1, 258}}, "{}");
  ASSERT_TRUE(SaveDataset(d, Path("d")).ok());
  const std::string bytes = Read("d");
  const std::string meta = R"({"from_cut":"","to_cut":"","source":{}})";
  EXPECT_EQ(bytes.substr(0, 12), std::string("HOEGODST\1\0\0\0", 12));
  EXPECT_EQ(bytes.substr(64, meta.size()), meta);
  std::string body = "hoego dataset 1\n";
  body += std::string("\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
  body += std::string("\7\0\0\0", 4) + std::string("\2\0\0\0", 4) + "ab";
  body += std::string("\0\0\0\0\0\0\0\0", 8);
  body += std::string("\0\0\x80\x3f", 4) + std::string("\2\1\0\0\0\0\0\0", 8);
  EXPECT_EQ(bytes.substr(64 + meta.size()), body);
  // SHA-256 of those 78 bytes, by Python's hashlib.
  EXPECT_EQ(d.digest, "d6e3abdec45ad86c211e668f9d80887762b3a24b6a781ad2fb4aa57a90708648");
}

TEST_F(DatasetFileTest, TheDigestNamesContentAndNotItsOrigin) {
  Dataset a = Small();
  Dataset b = Small();
  b.from_cut = "0-5";
  b.source_json = "{}";
  ASSERT_TRUE(SaveDataset(a, Path("a")).ok());
  ASSERT_TRUE(SaveDataset(b, Path("b")).ok());
  EXPECT_EQ(LoadDataset(Path("a")).value().digest, LoadDataset(Path("b")).value().digest);
  EXPECT_NE(FromPairs({{10, "film-a", 1, 1001}}).digest,
            FromPairs({{10, "film-a", 1, 1000}}).digest);
  EXPECT_NE(FromPairs({{10, "film-a", 2, 1000}}).digest,
            FromPairs({{10, "film-a", 1, 1000}}).digest);
  EXPECT_NE(FromPairs({{11, "film-a", 1, 1000}}).digest,
            FromPairs({{10, "film-a", 1, 1000}}).digest);
  EXPECT_NE(FromPairs({{10, "film-b", 1, 1000}}).digest,
            FromPairs({{10, "film-a", 1, 1000}}).digest);
}

TEST_F(DatasetFileTest, RefusesToSaveContentThatItsDigestDoesNotName) {
  Dataset d = Small();
  d.samples[0].weight = 9;
  EXPECT_EQ(SaveDataset(d, Path("d")).code(), Code::kFailedPrecondition);
  EXPECT_FALSE(RealDisk().Exists(Path("d")));
  EXPECT_FALSE(RealDisk().Exists(Path("d.partial")));
}

TEST_F(DatasetFileTest, AFlippedBitInAnyByteIsFound) {
  ASSERT_TRUE(SaveDataset(Small(), Path("d")).ok());
  const std::string good = Read("d");
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    Write("bad", bad);
    EXPECT_FALSE(LoadDataset(Path("bad")).ok()) << "byte " << at;
  }
}

TEST_F(DatasetFileTest, EveryCutAndEveryAddedByteIsFound) {
  ASSERT_TRUE(SaveDataset(Small(), Path("d")).ok());
  const std::string good = Read("d");
  for (size_t n = 0; n < good.size(); ++n) {
    Write("bad", good.substr(0, n));
    EXPECT_EQ(LoadDataset(Path("bad")).status().code(), Code::kDataLoss) << "cut at " << n;
  }
  Write("bad", good + "x");
  EXPECT_EQ(LoadDataset(Path("bad")).status().code(), Code::kDataLoss);
}

TEST_F(DatasetFileTest, RefusesANewerVersionByName) {
  ASSERT_TRUE(SaveDataset(Small(), Path("d")).ok());
  std::string bytes = Read("d");
  bytes[8] = 2;
  Write("newer", bytes);
  const Status status = LoadDataset(Path("newer")).status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("dataset format 2, this program knows up to 1"),
            std::string::npos);
}

TEST_F(DatasetFileTest, NamesAMissingFile) {
  const Status status = LoadDataset(Path("none")).status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_NE(status.message().find("none"), std::string::npos);
}

TEST_F(DatasetFileTest, AFolderThatIsMissingIsAnErrorAndLeavesNothing) {
  EXPECT_FALSE(SaveDataset(Small(), Path("no/such/d")).ok());
}

}  // namespace
}  // namespace hoego::datasets
