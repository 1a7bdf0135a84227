#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "base/random.h"

namespace hoego {
namespace {

std::string Counting(int first, int step) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) {
    bytes += static_cast<char>(first + i * step);
  }
  return bytes;
}

// RFC 3720, appendix B.4.
TEST(Crc32cTest, GivesThePublishedValues) {
  for (const auto crc : {Crc32c, Crc32cTable}) {
    EXPECT_EQ(crc(std::string(32, '\0'), 0), 0x8a9136aaU);
    EXPECT_EQ(crc(std::string(32, '\xff'), 0), 0x62a8ab43U);
    EXPECT_EQ(crc(Counting(0, 1), 0), 0x46dd794eU);
    EXPECT_EQ(crc(Counting(31, -1), 0), 0x113fdb5cU);
    EXPECT_EQ(crc("123456789", 0), 0xe3069283U);  // the check value of the CRC catalogues
    EXPECT_EQ(crc("", 0), 0U);
    EXPECT_EQ(crc("", 0x12345678U), 0x12345678U);
  }
}

std::string RandomText(size_t size) {
  Rng rng(size + 1);
  std::string bytes(size, '\0');
  for (char& c : bytes) {
    c = static_cast<char>(rng.Next());
  }
  return bytes;
}

TEST(Crc32cTest, AgreesWithItsTwinAtEveryLengthAndAlignment) {
  const std::string bytes = RandomText(5000);
  const std::string_view all = bytes;
  for (size_t offset = 0; offset < 9; ++offset) {
    for (size_t length = 0; length + offset < bytes.size(); length += length < 1700 ? 1 : 13) {
      ASSERT_EQ(Crc32c(all.substr(offset, length)), Crc32cTable(all.substr(offset, length)))
          << offset << " " << length;
    }
  }
}

TEST(Crc32cTest, ContinuesFromAnEarlierValue) {
  const std::string bytes = RandomText(4000);
  const std::string_view all = bytes;
  const uint32_t whole = Crc32cTable(all);
  for (size_t cut = 0; cut <= all.size(); cut += 37) {
    ASSERT_EQ(Crc32c(all.substr(cut), Crc32c(all.substr(0, cut))), whole) << cut;
    ASSERT_EQ(Crc32cTable(all.substr(cut), Crc32cTable(all.substr(0, cut))), whole) << cut;
  }
}

TEST(Crc32cTest, SeesEveryFlippedBit) {
  std::string bytes = RandomText(1800);
  const uint32_t good = Crc32c(bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; bit += 11) {
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
    ASSERT_NE(Crc32c(bytes), good) << bit;
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
  }
}

}  // namespace
}  // namespace hoego
