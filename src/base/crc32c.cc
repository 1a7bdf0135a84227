#include "base/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace hoego {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;

constexpr std::array<uint32_t, 256> kTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    }
    table[i] = crc;
  }
  return table;
}();

uint32_t Step(uint32_t crc, unsigned char byte) {
  return (crc >> 8) ^ kTable[(crc ^ byte) & 0xff];
}

#if defined(__x86_64__)

// The instruction takes three cycles but a new one may start each cycle, so three streams of a
// block each run side by side. Their remainders are then joined: a remainder followed by N zero
// bytes is a linear map of its bits, kept here as four tables of a byte each.
constexpr size_t kBlock = 512;

using ZeroTables = std::array<std::array<uint32_t, 256>, 4>;

ZeroTables MakeZeroTables(size_t zeros) {
  std::array<uint32_t, 32> of_bit{};
  for (size_t bit = 0; bit < 32; ++bit) {
    uint32_t crc = 1U << bit;
    for (size_t i = 0; i < zeros; ++i) {
      crc = Step(crc, 0);
    }
    of_bit[bit] = crc;
  }
  ZeroTables tables{};
  for (size_t byte = 0; byte < 4; ++byte) {
    for (size_t value = 0; value < 256; ++value) {
      for (size_t bit = 0; bit < 8; ++bit) {
        tables[byte][value] ^= (value >> bit & 1) != 0 ? of_bit[8 * byte + bit] : 0;
      }
    }
  }
  return tables;
}

uint32_t AppendZeros(const ZeroTables& tables, uint32_t crc) {
  return tables[0][crc & 0xff] ^ tables[1][crc >> 8 & 0xff] ^ tables[2][crc >> 16 & 0xff] ^
         tables[3][crc >> 24];
}

[[gnu::target("sse4.2")]] inline uint64_t StepWord(uint64_t crc, const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return _mm_crc32_u64(crc, word);
}

[[gnu::target("sse4.2")]] uint32_t Crc32cHardware(std::string_view bytes, uint32_t crc) {
  static const ZeroTables one_block = MakeZeroTables(kBlock);
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t a = ~crc;
  for (; left >= 3 * kBlock; left -= 3 * kBlock, at += 3 * kBlock) {
    uint64_t b = 0;
    uint64_t c = 0;
    for (size_t i = 0; i < kBlock; i += 8) {
      a = StepWord(a, at + i);
      b = StepWord(b, at + kBlock + i);
      c = StepWord(c, at + 2 * kBlock + i);
    }
    const uint32_t ab = AppendZeros(one_block, static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b);
    a = AppendZeros(one_block, ab) ^ static_cast<uint32_t>(c);
  }
  for (; left >= 8; left -= 8, at += 8) {
    a = StepWord(a, at);
  }
  for (; left > 0; --left, ++at) {
    a = _mm_crc32_u8(static_cast<uint32_t>(a), static_cast<unsigned char>(*at));
  }
  return ~static_cast<uint32_t>(a);
}

#endif

}  // namespace

uint32_t Crc32cTable(std::string_view bytes, uint32_t crc) {
  crc = ~crc;
  for (const char c : bytes) {
    crc = Step(crc, static_cast<unsigned char>(c));
  }
  return ~crc;
}

uint32_t Crc32c(std::string_view bytes, uint32_t crc) {
#if defined(__x86_64__)
  static const bool hardware = __builtin_cpu_supports("sse4.2") != 0;
  if (hardware) {
    return Crc32cHardware(bytes, crc);
  }
#endif
  return Crc32cTable(bytes, crc);
}

}  // namespace hoego
