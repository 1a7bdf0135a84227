#include "abtest/assignment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace hoego::abtest {
namespace {

constexpr uint32_t kFnvOffset = 2166136261U;
constexpr uint32_t kFnvPrime = 16777619U;
constexpr uint32_t kReplacement = 0xfffd;

uint32_t MixUnit(uint32_t hash, uint32_t code_unit) {
  return (hash ^ code_unit) * kFnvPrime;
}

struct CodePoint {
  uint32_t value;
  size_t bytes;
};

// The code point at the front of `text`; one byte and U+FFFD where it is not well-formed UTF-8 (RFC
// 3629).
CodePoint Decode(std::string_view text) {
  const auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const uint32_t first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  if (length == 0 || text.size() < length) {
    return {kReplacement, 1};
  }
  if (length == 1) {
    return {first, 1};
  }
  uint32_t value = first & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) {
      return {kReplacement, 1};
    }
    value = value << 6 | (byte(i) & 0x3fU);
  }
  constexpr std::array<uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (value < kSmallest[length] || value > 0x10ffff || surrogate) {
    return {kReplacement, 1};
  }
  return {value, length};
}

// FNV-1a over UTF-16 code units, continued from `hash`.
uint32_t Fnv(std::string_view utf8, uint32_t hash) {
  size_t i = 0;
  while (i < utf8.size()) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      hash = MixUnit(hash, c);
      ++i;
      continue;
    }
    const CodePoint point = Decode(utf8.substr(i));
    i += point.bytes;
    if (point.value < 0x10000) {
      hash = MixUnit(hash, point.value);
    } else {
      const uint32_t rest = point.value - 0x10000;
      hash = MixUnit(MixUnit(hash, 0xd800 + (rest >> 10)), 0xdc00 + (rest & 0x3ff));
    }
  }
  return hash;
}

}  // namespace

std::optional<double> HashUnit(std::string_view seed, std::string_view value, int version) {
  if (version == 1) {
    return static_cast<double>(Fnv(seed, Fnv(value, kFnvOffset)) % 1000) / 1000;
  }
  if (version == 2) {
    std::array<char, 10> text{};
    const uint32_t inner = Fnv(value, Fnv(seed, kFnvOffset));
    const char* end = std::to_chars(text.data(), text.data() + text.size(), inner).ptr;
    const std::string_view digits(text.data(), static_cast<size_t>(end - text.data()));
    return static_cast<double>(Fnv(digits, kFnvOffset) % 10000) / 10000;
  }
  return std::nullopt;
}

std::vector<double> EqualWeights(int arms) {
  if (arms < 1) {
    return {};
  }
  return std::vector<double>(static_cast<size_t>(arms), 1.0 / arms);
}

std::vector<BucketRange> BucketRanges(int arms, double coverage, std::span<const double> weights) {
  coverage = std::isnan(coverage) ? 0 : std::clamp(coverage, 0.0, 1.0);
  double sum = 0;
  for (const double w : weights) {
    sum += w;
  }
  std::vector<double> equal;
  if (static_cast<int>(weights.size()) != arms || !(sum >= 0.99 && sum <= 1.01)) {
    equal = EqualWeights(arms);
    weights = equal;
  }
  std::vector<BucketRange> ranges;
  double start = 0;
  for (const double w : weights) {
    ranges.push_back({start, start + coverage * w});
    start += w;
  }
  return ranges;
}

int ChooseArm(double n, std::span<const BucketRange> ranges) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (n >= ranges[i].start && n < ranges[i].end) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

bool InNamespace(std::string_view value, std::string_view name, double start, double end) {
  std::string seed = "__";
  seed += name;
  const std::optional<double> n = HashUnit(seed, value, 1);
  return n && *n >= start && *n < end;
}

int Assignment::Choose(std::string_view unit) const {
  const std::optional<double> n = HashUnit(seed, unit, hash_version);
  return n ? ChooseArm(*n, ranges) : -1;
}

}  // namespace hoego::abtest
