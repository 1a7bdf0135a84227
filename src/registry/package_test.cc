#include "registry/package.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "base/disk.h"
#include "storage/temp_folder.h"

namespace hoego::registry {
namespace {

namespace fs = std::filesystem;

class PackageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto blobs = storage::OpenLocalBlobStore(RealDisk(), folder_ / "blobs");
    ASSERT_TRUE(blobs.ok());
    blobs_ = std::move(blobs).value();
  }
  static void Write(const fs::path& path, const std::string& bytes) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  static std::map<std::string, std::string> Files(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) {
        std::ifstream file(entry.path(), std::ios::binary);
        files[entry.path().lexically_relative(folder).string()] = {
            std::istreambuf_iterator<char>(file), {}};
      }
    }
    return files;
  }
  std::string PutListing(const std::string& json) { return "blob:" + blobs_->Put(json).value(); }

  storage::TempFolder folder_;
  std::unique_ptr<storage::BlobStore> blobs_;
};

TEST_F(PackageTest, GivesAFolderBackAsItWas) {
  const fs::path source = folder_ / "source";
  Write(source / "manifest.json", "{}");
  Write(source / "weights/0.bin", std::string(2'000'000, '\x01'));
  Write(source / "weights/empty", "");
  Write(source / "모델/%2e%2e", "literal");
  const auto package = PackageFolder(*blobs_, source);
  ASSERT_TRUE(package.ok()) << package.status().ToString();
  EXPECT_TRUE(package->starts_with("blob:") && package->size() == 69) << *package;
  ASSERT_TRUE(UnpackFolder(*blobs_, *package, folder_ / "deep/down/target").ok());
  EXPECT_EQ(Files(folder_ / "deep/down/target"), Files(source));
  fs::create_directories(folder_ / "empty");
  ASSERT_TRUE(UnpackFolder(*blobs_, *package, folder_ / "empty/").ok());
  EXPECT_EQ(Files(folder_ / "empty"), Files(source));
  // The same files give the same name, wherever they lie.
  EXPECT_EQ(PackageFolder(*blobs_, folder_ / "empty").value(), *package);
  EXPECT_EQ(PackageFolder(*blobs_, (folder_ / "empty") + "/").value(), *package);
  Write(folder_ / "empty/manifest.json", "{ }");
  EXPECT_NE(PackageFolder(*blobs_, folder_ / "empty").value(), *package);
}

TEST_F(PackageTest, RefusesWhatIsNotAModelFolder) {
  EXPECT_EQ(PackageFolder(*blobs_, folder_ / "nowhere").status().code(), Code::kNotFound);
  fs::create_directories(folder_ / "hollow/inner");
  EXPECT_EQ(PackageFolder(*blobs_, folder_ / "hollow").status().code(), Code::kInvalidArgument);
  Write(folder_ / "linked/a", "a");
  fs::create_symlink("/etc/passwd", folder_ / "linked/b");
  EXPECT_EQ(PackageFolder(*blobs_, folder_ / "linked").status().code(), Code::kInvalidArgument);
  Write(folder_ / "back/a\\b", "a");
  EXPECT_EQ(PackageFolder(*blobs_, folder_ / "back").status().code(), Code::kInvalidArgument);
}

TEST_F(PackageTest, RefusesAListingThatLeadsOut) {
  const std::string digest = blobs_->Put("x").value();
  const auto entry = [&](const std::string& path, int bytes = 1) {
    return R"({"path":")" + path + R"(","digest":")" + digest + R"(","bytes":)" +
           std::to_string(bytes) + "}";
  };
  const auto listing = [&](const std::string& files) {
    return PutListing(R"({"format":1,"files":[)" + files + "]}");
  };
  for (const std::string& files :
       {entry("../x"), entry("/tmp/x"), entry("a/../../x"), entry("a\\\\..\\\\x"),
        entry("a\\u0000b"), entry("a//b"), entry(""), entry("b") + "," + entry("a"),
        entry("a") + "," + entry("a"), entry("a") + "," + entry("a-b") + "," + entry("a/b"),
        entry("a", 2), entry("a", -1), std::string(), std::string("1"),
        std::string(R"({"path":"a"})")}) {
    EXPECT_EQ(UnpackFolder(*blobs_, listing(files), folder_ / "target").code(), Code::kDataLoss)
        << files;
    EXPECT_FALSE(fs::exists(folder_ / "target"));
  }
  EXPECT_TRUE(UnpackFolder(*blobs_, listing(entry("a")), folder_ / "target").ok());
  EXPECT_EQ(UnpackFolder(*blobs_, PutListing("[]"), folder_ / "other").code(), Code::kDataLoss);
  EXPECT_EQ(UnpackFolder(*blobs_, PutListing("x"), folder_ / "other").code(), Code::kDataLoss);
  EXPECT_EQ(UnpackFolder(*blobs_, PutListing(R"({"format":2})"), folder_ / "other").code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(UnpackFolder(*blobs_, "blob:" + std::string(64, '0'), folder_ / "other").code(),
            Code::kNotFound);
  EXPECT_EQ(UnpackFolder(*blobs_, "blob:../x", folder_ / "other").code(), Code::kInvalidArgument);
  EXPECT_EQ(UnpackFolder(*blobs_, "runs:/x", folder_ / "other").code(), Code::kInvalidArgument);
  EXPECT_FALSE(fs::exists(folder_ / "other"));
}

TEST_F(PackageTest, TouchesNoFolderThatHoldsSomethingAndLeavesNoHalves) {
  Write(folder_ / "source/a", "a");
  Write(folder_ / "source/b", "b");
  const std::string package = PackageFolder(*blobs_, folder_ / "source").value();
  Write(folder_ / "taken/mine", "mine");
  EXPECT_EQ(UnpackFolder(*blobs_, package, folder_ / "taken").code(), Code::kFailedPrecondition);
  EXPECT_EQ(Files(folder_ / "taken").size(), 1u);
  // The blob of the second file is damaged: the first has been written by then.
  const std::string digest = blobs_->Put("b").value();
  Write(folder_ / ("blobs/" + digest.substr(0, 2) + "/" + digest.substr(2, 2) + "/" + digest), "B");
  EXPECT_EQ(UnpackFolder(*blobs_, package, folder_ / "target").code(), Code::kDataLoss);
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder_.path())) {
    ++entries;
  }
  EXPECT_EQ(entries, 3u);  // blobs, source, taken
}

}  // namespace
}  // namespace hoego::registry
