#include "serving/page_cursor.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/crc32c.h"
#include "base/crypto.h"

namespace hoego::serving {
namespace {

constexpr char kFormat = 1;
constexpr size_t kOwnerBytes = 8;
constexpr size_t kCrcBytes = 4;
// A key takes at most five bytes; a longer text is refused before it is looked at.
constexpr size_t kMaxTextBytes =
    (1 + kOwnerBytes + 5 * (PageCursor::kMaxShown + 1) + kCrcBytes) * 4 / 3 + 4;

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// RFC 4648 section 5, without padding.
std::string ToBase64Url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  uint32_t held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = held << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6;) {
      bits -= 6;
      text += kAlphabet[(held >> bits) & 63];
    }
  }
  if (bits > 0) {
    text += kAlphabet[(held << (6 - bits)) & 63];
  }
  return text;
}

std::optional<std::string> FromBase64Url(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  uint32_t held = 0;
  int bits = 0;
  for (const char c : text) {
    const size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) {
      return std::nullopt;
    }
    held = held << 6 | static_cast<uint32_t>(value);
    if (bits += 6; bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((held >> bits) & 255);
    }
  }
  return bytes;
}

std::string OwnerOf(std::string_view endpoint, std::string_view unit) {
  std::string both(endpoint);
  both += '\0';
  both += unit;
  const Sha256Digest digest = Sha256(both);
  return {digest.begin(), digest.begin() + kOwnerBytes};
}

void PutVarint(std::string& out, uint32_t value) {
  for (; value >= 0x80; value >>= 7) {
    out += static_cast<char>(value | 0x80);
  }
  out += static_cast<char>(value);
}

std::optional<uint32_t> TakeVarint(std::string_view& in) {
  uint64_t value = 0;
  for (int shift = 0; shift < 35 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) {
      return value > std::numeric_limits<uint32_t>::max()
                 ? std::nullopt
                 : std::optional(static_cast<uint32_t>(value));
    }
  }
  return std::nullopt;
}

std::string CrcBytes(std::string_view bytes) {
  const uint32_t crc = Crc32c(bytes);
  std::string out;
  for (int shift = 0; shift < 32; shift += 8) {
    out += static_cast<char>(crc >> shift);
  }
  return out;
}

Status Damaged() {
  return Status::InvalidArgument("page: expected the \"page\" of an earlier answer, as it was");
}

}  // namespace

std::string PageCursor::Encode(std::string_view endpoint, std::string_view unit) const {
  std::string bytes(1, kFormat);
  bytes += OwnerOf(endpoint, unit);
  PutVarint(bytes, static_cast<uint32_t>(shown.size()));
  uint32_t last = 0;
  for (const events::ItemKey key : shown) {
    PutVarint(bytes, key.value() - last);
    last = key.value();
  }
  return ToBase64Url(bytes + CrcBytes(bytes));
}

Result<PageCursor> PageCursor::Decode(std::string_view text, std::string_view endpoint,
                                      std::string_view unit) {
  if (text.size() > kMaxTextBytes) {
    return Damaged();
  }
  const auto decoded = FromBase64Url(text);
  if (!decoded.has_value() || decoded->size() < 1 + kOwnerBytes + 1 + kCrcBytes) {
    return Damaged();
  }
  std::string_view bytes = *decoded;
  const std::string_view crc = bytes.substr(bytes.size() - kCrcBytes);
  bytes.remove_suffix(kCrcBytes);
  if (CrcBytes(bytes) != crc) {
    return Damaged();
  }
  if (bytes.front() != kFormat) {
    return Status::InvalidArgument(fmt::format("page: format {}, newest known is {}",
                                               static_cast<int>(bytes.front()), int{kFormat}));
  }
  if (bytes.substr(1, kOwnerBytes) != OwnerOf(endpoint, unit)) {
    return Status::InvalidArgument("page: it belongs to another endpoint or unit");
  }
  bytes.remove_prefix(1 + kOwnerBytes);
  const auto count = TakeVarint(bytes);
  if (!count.has_value() || *count > kMaxShown) {
    return Damaged();
  }
  PageCursor cursor;
  cursor.shown.reserve(*count);
  uint64_t key = 0;
  for (uint32_t i = 0; i < *count; ++i) {
    const auto step = TakeVarint(bytes);
    if (!step.has_value() || (i > 0 && *step == 0)) {
      return Damaged();
    }
    key += *step;
    if (key >= events::kNoItem.value()) {
      return Damaged();
    }
    cursor.shown.emplace_back(static_cast<uint32_t>(key));
  }
  return bytes.empty() ? Result<PageCursor>(std::move(cursor)) : Damaged();
}

void PageCursor::Add(std::vector<events::ItemKey> items) {
  shown.insert(shown.end(), items.begin(), items.end());
  std::sort(shown.begin(), shown.end());
  shown.erase(std::unique(shown.begin(), shown.end()), shown.end());
}

}  // namespace hoego::serving
