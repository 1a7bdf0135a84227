#include "base/line_reader.h"

#include <gtest/gtest.h>
#include <lzma.h>
#include <rapidcheck/gtest.h>
#include <zstd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/random.h"

namespace hoego {
namespace {

std::string XzPack(const std::string& plain) {
  std::string packed(lzma_stream_buffer_bound(plain.size()), '\0');
  size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(
                0, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const uint8_t*>(plain.data()),
                plain.size(), reinterpret_cast<uint8_t*>(packed.data()), &size, packed.size()),
            LZMA_OK);
  packed.resize(size);
  return packed;
}

std::string ZstdPack(const std::string& plain) {
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
  return packed;
}

std::string GzipPack(const std::string& plain) {
  return GzipCompress(plain);
}
std::string Plain(const std::string& plain) {
  return plain;
}

struct Form {
  const char* name;
  std::string (*pack)(const std::string&);
};

// 20,000 lines of many lengths, larger than every buffer.
std::vector<std::string> SomeLines() {
  Rng rng(4);
  std::vector<std::string> lines;
  for (int i = 0; i < 20'000; ++i) {
    std::string line = fmt::format("{}:", i);
    line.append(rng.Below(120), static_cast<char>('a' + rng.Below(26)));
    lines.push_back(std::move(line));
  }
  lines[500] = "";
  lines[700] = std::string(1'000'000, 'x');
  return lines;
}

std::string Joined(const std::vector<std::string>& lines, std::string_view end) {
  std::string text;
  for (const std::string& line : lines) {
    text += line;
    text += end;
  }
  return text;
}

class LineReaderTest : public testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    std::string pattern = JoinPath(testing::TempDir(), "hoego_lines_XXXXXX");
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A file of these bytes, packed as the parameter says unless told otherwise.
  LineReader OpenBytes(std::string_view bytes) {
    const std::string path = JoinPath(folder_, "f");
    EXPECT_TRUE(WriteFileAtomically(RealDisk(), path, bytes).ok());
    auto reader = LineReader::Open(path);
    EXPECT_TRUE(reader.ok()) << reader.status().ToString();
    return std::move(*reader);
  }
  LineReader OpenPacked(const std::string& plain) { return OpenBytes(GetParam().pack(plain)); }

  std::string folder_;
};

// What the reader gives until its end or its first failure.
std::pair<std::vector<std::string>, Status> ReadAll(LineReader& reader) {
  std::vector<std::string> lines;
  for (;;) {
    const auto next = reader.Next();
    if (!next.ok()) {
      return {lines, next.status()};
    }
    if (!next->has_value()) {
      return {lines, Status{}};
    }
    lines.emplace_back(**next);
    EXPECT_EQ(reader.line_number(), lines.size());
  }
}

TEST_P(LineReaderTest, GivesEveryLineOnce) {
  const std::vector<std::string> lines = SomeLines();
  LineReader reader = OpenPacked(Joined(lines, "\n"));
  double last_share = 0;
  for (const std::string& line : lines) {
    const auto next = reader.Next();
    ASSERT_TRUE(next.ok() && next->has_value());
    ASSERT_EQ(**next, line);
    ASSERT_GE(reader.share_read(), last_share);
    last_share = reader.share_read();
  }
  EXPECT_FALSE(reader.Next()->has_value());
  EXPECT_FALSE(reader.Next()->has_value());  // the end stays the end
  EXPECT_EQ(reader.share_read(), 1);
}

TEST_P(LineReaderTest, TakesEveryLineEndAndAMissingOne) {
  LineReader reader = OpenPacked(
      "\xef\xbb\xbf"
      "a\r\n\r\nb\nlast\r");
  const auto [lines, status] = ReadAll(reader);
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "", "b", "last"}));
  EXPECT_TRUE(status.ok());
}

TEST_P(LineReaderTest, AnEmptyFileHasNoLines) {
  LineReader reader = OpenPacked("");
  EXPECT_TRUE(ReadAll(reader).first.empty());
}

TEST_P(LineReaderTest, FilesPutOneAfterAnotherAreOne) {
  LineReader reader =
      OpenBytes(GetParam().pack("a\nb") + GetParam().pack("") + GetParam().pack("c\nd\n"));
  const auto [lines, status] = ReadAll(reader);
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "bc", "d"}));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST_P(LineReaderTest, AFileCutShortIsDataLoss) {
  if (GetParam().pack == Plain) {
    return;  // a plain file cannot tell
  }
  const std::string packed = GetParam().pack(Joined(SomeLines(), "\n"));
  for (const size_t missing : {size_t{1}, size_t{9}, packed.size() / 2}) {
    LineReader reader = OpenBytes(std::string_view(packed).substr(0, packed.size() - missing));
    EXPECT_EQ(ReadAll(reader).second.code(), Code::kDataLoss) << missing;
  }
}

TEST_P(LineReaderTest, DamagedBytesAreDataLoss) {
  if (GetParam().pack == Plain) {
    return;
  }
  std::string packed = GetParam().pack(Joined(SomeLines(), "\n"));
  packed[packed.size() / 2] ^= 0x55;
  packed[packed.size() / 3] ^= 0x55;
  const std::string path = JoinPath(folder_, "f");
  ASSERT_TRUE(WriteFileAtomically(RealDisk(), path, packed).ok());
  auto reader = LineReader::Open(path);
  const Status status = reader.ok() ? ReadAll(*reader).second : reader.status();
  // A zstd frame of one shot has no checksum: damage may only show as other bytes.
  if (GetParam().pack != ZstdPack) {
    EXPECT_EQ(status.code(), Code::kDataLoss) << status.ToString();
    EXPECT_NE(status.message().find(path), std::string_view::npos);
  }
}

TEST_P(LineReaderTest, AnEndlessLineIsRefusedByNumber) {
  const std::string longest(16 << 20, 'x');
  LineReader reader = OpenPacked("a\n" + longest + "\n" + longest + "x\nb\n");
  const auto [lines, status] = ReadAll(reader);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1].size(), longest.size());
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("f:3: a line longer than 16777216 bytes"), std::string_view::npos)
      << status.message();
}

INSTANTIATE_TEST_SUITE_P(Forms, LineReaderTest,
                         testing::Values(Form{"plain", Plain}, Form{"gz", GzipPack},
                                         Form{"xz", XzPack}, Form{"zst", ZstdPack}),
                         [](const auto& form) { return form.param.name; });

TEST(LineReaderOpenTest, NamesAMissingFile) {
  EXPECT_EQ(LineReader::Open("none/such").status().code(), Code::kNotFound);
  EXPECT_FALSE(LineReader::Open("/").ok());
}

// Made by the command line tools xz 5.4, gzip 1.12 and zstd 1.5 from "hello\nworld\n".
TEST(LineReaderOpenTest, ReadsWhatTheToolsWrite) {
  using namespace std::string_view_literals;
  std::string pattern = JoinPath(testing::TempDir(), "hoego_tools_XXXXXX");
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::string path = JoinPath(pattern, "f");
  for (const std::string_view bytes :
       {"\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f"
        "\xe5\xa3"
        "\x01\x00\x0b\x68\x65\x6c\x6c\x6f\x0a\x77\x6f\x72\x6c\x64\x0a\x00\x87\xc6\xce\x77\xce\x46"
        "\x2b\xae"
        "\x00\x01\x24\x0c\xa6\x18\xd8\xd8\x1f\xb6\xf3\x7d\x01\x00\x00\x00\x00\x04\x59\x5a"sv,
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x2a\xcf\x2f\xca\x49\xe1"
        "\x02\x00"
        "\xff\x5d\xc5\xc4\x0c\x00\x00\x00"sv,
        "\x28\xb5\x2f\xfd\x04\x58\x61\x00\x00\x68\x65\x6c\x6c\x6f\x0a\x77\x6f\x72\x6c\x64\x0a\xb5"
        "\x0e\x87"
        "\x17"sv}) {
    ASSERT_TRUE(WriteFileAtomically(RealDisk(), path, bytes).ok());
    auto reader = LineReader::Open(path);
    ASSERT_TRUE(reader.ok());
    EXPECT_EQ(ReadAll(*reader).first, (std::vector<std::string>{"hello", "world"}));
  }
  std::filesystem::remove_all(pattern);
}

TEST(GzipTest, UnpacksWhatItPacked) {
  for (const size_t size : {0U, 1U, 1000U, 300'000U}) {
    Rng rng(size);
    std::string plain(size, 'a');
    for (size_t i = 0; i < size; i += 3) {
      plain[i] = static_cast<char>(rng.Next());
    }
    for (const int level : {1, 6, 9}) {
      const std::string packed = GzipCompress(plain, level);
      EXPECT_EQ(*GzipDecompress(packed, size), plain);
      if (size > 0) {
        EXPECT_EQ(GzipDecompress(packed, size - 1).status().code(), Code::kResourceExhausted);
      }
    }
  }
}

TEST(GzipTest, ABombEndsAtTheLimit) {
  const std::string bomb = GzipCompress(std::string(20 << 20, '\0'), 9);
  EXPECT_LT(bomb.size(), 40'000U);
  EXPECT_EQ(GzipDecompress(bomb, 1 << 20).status().code(), Code::kResourceExhausted);
}

TEST(GzipTest, RefusesWhatIsNotGzip) {
  const std::string good = GzipCompress("hello hello hello");
  EXPECT_EQ(GzipDecompress("", 10).status().code(), Code::kDataLoss);
  EXPECT_EQ(GzipDecompress("plain text", 100).status().code(), Code::kDataLoss);
  EXPECT_EQ(GzipDecompress(good + "rest", 100).status().code(), Code::kDataLoss);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(GzipDecompress(std::string_view(good).substr(0, size), 100).status().code(),
              Code::kDataLoss)
        << size;
  }
  std::string bad_sum = good;
  bad_sum[good.size() - 6] ^= 1;
  EXPECT_EQ(GzipDecompress(bad_sum, 100).status().code(), Code::kDataLoss);
}

RC_GTEST_PROP(GzipProperty, NoBytesCrashTheUnpacker, (const std::string& tail)) {
  const auto plain = GzipDecompress("\x1f\x8b\x08" + tail, 1000);
  RC_ASSERT(plain.ok() || plain.status().code() == Code::kDataLoss ||
            plain.status().code() == Code::kResourceExhausted);
}

}  // namespace
}  // namespace hoego
