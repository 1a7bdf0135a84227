#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/disk.h"
#include "models/als.h"
#include "models/ease.h"
#include "models/item_knn.h"
#include "models/popularity.h"

namespace hoego::models {
namespace {

namespace fs = std::filesystem;

class ArtifactTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "hoego_artifact_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string ReadBytes(const std::string& name) const {
    std::ifstream in(folder_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void WriteBytes(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << bytes;
  }
  // Changes the manifest's text and signs it again, as a program that writes it differently would.
  void EditManifest(const std::string& from, const std::string& to) const {
    std::string text = ReadBytes("manifest.json");
    text.resize(text.size() - 78);  // the digest's key, 64 digits, quote, brace, line feed
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    text.replace(at, from.size(), to);
    WriteBytes("manifest.json", text + ",\"sha256\":\"" + ToHex(Sha256(text)) + "\"}\n");
  }

  std::string folder_;
};

Manifest SmallManifest(const std::string& algorithm, size_t items) {
  Manifest m;
  m.algorithm = algorithm;
  for (size_t i = 0; i < items; ++i) {
    m.items.push_back(std::string(1, static_cast<char>('a' + i)) + std::string(i, '\xc3') +
                      "\n\"");  // any bytes
  }
  m.params_json = R"({"p":1.5})";
  m.dataset_digest = "d";
  m.code_version = "0";
  m.seed = 3;
  m.threads = 2;
  m.simd = "scalar";
  return m;
}

std::vector<std::shared_ptr<const Model>> OneOfEach() {
  std::vector<std::shared_ptr<const Model>> all;
  all.push_back(*PopularityModel::Create(SmallManifest("popularity", 3), {1, 2, 3}, {1}));
  all.push_back(*ItemKnnModel::Create(SmallManifest("item_knn", 3),
                                      {{0, 1, 3, 3}, {1, 0, 2}, {.5F, .7F, .6F}}, {2}));
  all.push_back(*EaseModel::Create(SmallManifest("ease", 2), {0, .5F, .25F, 0}, {}));
  const std::vector<float> factors = {1, 0, .5F, .5F, 0, 2};
  const std::vector<float> spectrum = {1.25F, 4.25F};
  all.push_back(*AlsModel::Create(SmallManifest("als", 3), factors, spectrum, {0.1, 0.01, 1}, {}));
  return all;
}

TEST_F(ArtifactTest, TheManifestIsWrittenToTheByteAsTheFormatPageSays) {
  Manifest manifest = SmallManifest("popularity", 0);
  manifest.items = {"x", "yz"};
  ASSERT_TRUE((*PopularityModel::Create(manifest, {1, 2}, {}))->Save(folder_).ok());
  const std::string body =
      R"({"format":1,"algorithm":"popularity","code_version":"0","dataset_digest":"d","seed":"3","threads":2,)"
      R"("simd":"scalar","params":{"p":1.5},"input":[{"name":"item","type":"u32"},{"name":"weight","type":"f32"}],)"
      R"("output":[{"name":"score","type":"f32","shape":["items"]}],"arrays":[)"
      R"({"name":"item_offsets","type":"u64","shape":[3],"sha256":")" +
      ToHex(Sha256(ReadBytes("item_offsets.bin"))) +
      R"("},{"name":"item_ids","type":"u8","shape":[3],"sha256":")" + ToHex(Sha256("xyz")) +
      R"("},{"name":"scores","type":"f32","shape":[2],"sha256":")" +
      ToHex(Sha256(ReadBytes("scores.bin"))) +
      R"("},{"name":"unmet","type":"u32","shape":[0],"sha256":")" + ToHex(Sha256("")) + R"("}])";
  EXPECT_EQ(ReadBytes("manifest.json"), body + ",\"sha256\":\"" + ToHex(Sha256(body)) + "\"}\n");
  EXPECT_EQ(ReadBytes("item_ids.bin"), "xyz");
  EXPECT_EQ(ReadBytes("item_offsets.bin"),
            std::string("\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 24));
  EXPECT_EQ(ReadBytes("scores.bin"), std::string("\0\0\x80\x3f\0\0\0\x40", 8));
}

TEST_F(ArtifactTest, ItemIdsOfAnyBytesComeBackAsTheyWere) {
  for (const auto& model : OneOfEach()) {
    fs::remove_all(folder_);
    ASSERT_TRUE(model->Save(folder_).ok());
    const auto loaded = LoadModel(folder_);
    ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
    EXPECT_EQ((*loaded)->manifest().items, model->manifest().items);
    EXPECT_EQ((*loaded)->manifest().params_json, R"({"p":1.5})");
  }
}

TEST_F(ArtifactTest, ABitFlippedAnywhereIsNoticed) {
  for (const auto& model : OneOfEach()) {
    fs::remove_all(folder_);
    ASSERT_TRUE(model->Save(folder_).ok());
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename();
      const std::string bytes = ReadBytes(name);
      const size_t step = name == "manifest.json"
                              ? 11
                              : 1;  // it is signed as a whole; every byte of the arrays is tried
      for (size_t at = 0; at < bytes.size(); at += step) {
        std::string altered = bytes;
        altered[at] = static_cast<char>(altered[at] ^ 0x10);
        WriteBytes(name, altered);
        const auto loaded = LoadModel(folder_);
        EXPECT_FALSE(loaded.ok()) << name << " byte " << at;
        EXPECT_EQ(loaded.status().code(), Code::kDataLoss)
            << name << " byte " << at << loaded.status().ToString();
      }
      WriteBytes(name, bytes);
    }
    EXPECT_TRUE(LoadModel(folder_).ok());
  }
}

TEST_F(ArtifactTest, AFileCutShortOrTooLongIsNoticed) {
  for (const auto& model : OneOfEach()) {
    fs::remove_all(folder_);
    ASSERT_TRUE(model->Save(folder_).ok());
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename();
      const std::string bytes = ReadBytes(name);
      for (const std::string& wrong :
           {bytes + "x", bytes.empty() ? "y" : bytes.substr(0, bytes.size() - 1)}) {
        WriteBytes(name, wrong);
        EXPECT_EQ(LoadModel(folder_).status().code(), Code::kDataLoss) << name;
      }
      WriteBytes(name, bytes);
    }
  }
}

TEST_F(ArtifactTest, AMissingFileIsNotFoundByName) {
  EXPECT_EQ(LoadModel(folder_).status().code(), Code::kNotFound);
  ASSERT_TRUE(OneOfEach()[0]->Save(folder_).ok());
  fs::remove(folder_ + "/scores.bin");
  const Status status = LoadModel(folder_).status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_NE(status.message().find("scores.bin"), std::string_view::npos) << status.message();
}

TEST_F(ArtifactTest, ANewerFormatIsRefusedByNameEvenWhenItsDigestIsElsewhere) {
  ASSERT_TRUE(OneOfEach()[0]->Save(folder_).ok());
  WriteBytes("manifest.json", R"({"format":2,"signature":"…"})");
  const Status status = LoadModel(folder_).status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("format 2"), std::string_view::npos);
}

TEST_F(ArtifactTest, AnUnknownAlgorithmIsRefusedByName) {
  ASSERT_TRUE(OneOfEach()[0]->Save(folder_).ok());
  EditManifest("popularity", "deep_magic");
  const Status status = LoadModel(folder_).status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("deep_magic"), std::string_view::npos);
}

TEST_F(ArtifactTest, UnknownFieldsOfTheManifestSurviveARoundTrip) {
  ASSERT_TRUE(OneOfEach()[3]->Save(folder_).ok());
  EditManifest(R"("seed":"3")", R"("from_later":{"a":[1,2.5,"x"]},"seed":"3")");
  auto loaded = LoadModel(folder_);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  fs::remove_all(folder_);
  ASSERT_TRUE((*loaded)->Save(folder_).ok());
  EXPECT_NE(ReadBytes("manifest.json").find(R"("from_later":{"a":[1,2.5,"x"]})"),
            std::string::npos);
  EXPECT_TRUE(LoadModel(folder_).ok());
}

TEST_F(ArtifactTest, AManifestThatLiesIsDataLossAndReadsNoFileOutsideItsFolder) {
  const std::vector<std::pair<std::string, std::string>> lies = {
      {R"("seed":"3")", R"("seed":"-3")"},
      {R"("seed":"3",)", ""},
      {R"("threads":2)", R"("threads":"two")"},
      {R"("arrays":[)", R"("arrays":7,"was":[)"},
      {R"("name":"scores")", R"("name":"../scores")"},
      {R"("name":"scores")", R"("name":"other")"},
      {R"("type":"f32","shape":[3])", R"("type":"f64","shape":[3])"},
      {R"("type":"f32","shape":[3])", R"("type":"f32","shape":[4])"},
      {R"("type":"f32","shape":[3])", R"("type":"f32","shape":[-3])"},
      {R"("type":"f32","shape":[3])", R"("type":"f32","shape":[3,1])"},
      {R"("type":"u64","shape":[4])", R"("type":"u64","shape":[0])"},
      {R"("type":"u64","shape":[4])", R"("type":"u64","shape":[4611686018427387904])"},
  };
  for (const auto& [from, to] : lies) {
    fs::remove_all(folder_);
    ASSERT_TRUE(OneOfEach()[0]->Save(folder_).ok());
    EditManifest(from, to);
    EXPECT_EQ(LoadModel(folder_).status().code(), Code::kDataLoss)
        << to << ": " << LoadModel(folder_).status().ToString();
  }
}

TEST_F(ArtifactTest, ContentsThatFitNoModelAreRefusedAtCreationAndDataLossAtLoading) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto code = [](const auto& result) { return result.status().code(); };
  EXPECT_EQ(code(PopularityModel::Create(SmallManifest("popularity", 2), {1}, {})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(PopularityModel::Create(SmallManifest("popularity", 2), {1, nan}, {})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(PopularityModel::Create(SmallManifest("popularity", 2), {1, 2}, {2})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(PopularityModel::Create(SmallManifest("popularity", 2), {1, 2}, {1, 0})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(ItemKnnModel::Create(SmallManifest("item_knn", 2), {{0, 1, 1}, {0}, {1}}, {})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(ItemKnnModel::Create(SmallManifest("item_knn", 2), {{0, 1, 1}, {2}, {1}}, {})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(ItemKnnModel::Create(SmallManifest("item_knn", 2), {{0, 2, 1}, {1}, {1}}, {})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(EaseModel::Create(SmallManifest("ease", 2), {0, 1, 1}, {})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(EaseModel::Create(SmallManifest("ease", 2), {0, 1, 1, 2}, {})),
            Code::kInvalidArgument);
  const std::vector<float> two = {1, 2};
  const std::vector<float> one = {5};
  const std::vector<float> below = {-5};
  EXPECT_EQ(code(AlsModel::Create(SmallManifest("als", 2), two, two, {}, {})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(AlsModel::Create(SmallManifest("als", 2), two, {}, {}, {})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(AlsModel::Create(SmallManifest("als", 2), two, below, {}, {})),
            Code::kInvalidArgument);
  EXPECT_EQ(code(AlsModel::Create(SmallManifest("als", 2), two, one, {0.1, 0, 1}, {})),
            Code::kInvalidArgument);

  ASSERT_TRUE(OneOfEach()[2]->Save(folder_).ok());
  const std::string bad(16, '\x01');  // a diagonal that is not zero, rightly signed
  EditManifest(ToHex(Sha256(ReadBytes("weights.bin"))), ToHex(Sha256(bad)));
  WriteBytes("weights.bin", bad);
  EXPECT_EQ(LoadModel(folder_).status().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace hoego::models
