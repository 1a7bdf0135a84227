#include "base/uuid.h"

#include "base/crypto.h"

namespace hoego {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool HyphenBefore(size_t byte) {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

}  // namespace

Uuid Uuid::V7(Time now, Rng& rng) {
  Uuid id;
  const auto ms = static_cast<uint64_t>(ToUnixMillis(now));
  for (size_t i = 0; i < 6; ++i) {
    id.bytes[i] = static_cast<uint8_t>(ms >> (40 - 8 * i));
  }
  const uint64_t a = rng.Next();
  const uint64_t b = rng.Next();
  id.bytes[6] = static_cast<uint8_t>(0x70 | (a & 0x0f));
  id.bytes[7] = static_cast<uint8_t>(a >> 8);
  for (size_t i = 0; i < 8; ++i) {
    id.bytes[8 + i] = static_cast<uint8_t>(b >> (8 * i));
  }
  id.bytes[8] = static_cast<uint8_t>(0x80 | (id.bytes[8] & 0x3f));
  return id;
}

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != 36) {
    return std::nullopt;
  }
  Uuid id;
  size_t at = 0;
  for (size_t i = 0; i < 16; ++i) {
    if (HyphenBefore(i) && text[at++] != '-') {
      return std::nullopt;
    }
    const int hi = HexValue(text[at]);
    const int lo = HexValue(text[at + 1]);
    if (hi < 0 || lo < 0) {
      return std::nullopt;
    }
    id.bytes[i] = static_cast<uint8_t>(hi * 16 + lo);
    at += 2;
  }
  return id;
}

std::string Uuid::ToString() const {
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < 16; ++i) {
    if (HyphenBefore(i)) {
      text += '-';
    }
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

Time Uuid::time() const {
  int64_t ms = 0;
  for (size_t i = 0; i < 6; ++i) {
    ms = ms * 256 + bytes[i];
  }
  return FromUnixMillis(ms);
}

uint64_t Uuid::low() const {
  uint64_t value = 0;
  for (size_t i = 8; i < 16; ++i) {
    value = value * 256 + bytes[i];
  }
  return value;
}

Uuid NewUuid(Time now) {
  thread_local Rng rng(RandomUint64());
  return Uuid::V7(now, rng);
}

}  // namespace hoego
