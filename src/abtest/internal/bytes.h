#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace hoego::abtest::internal {

// Little-endian numbers and counted texts at the end of a string, and read back from the front of a
// view.

template <class T>
void AppendNumber(std::string& out, T value) {
  auto v = static_cast<uint64_t>(value);
  for (size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<char>(v & 0xff));
    v >>= 8;
  }
}

inline void AppendDouble(std::string& out, double value) {
  AppendNumber(out, std::bit_cast<uint64_t>(value));
}

inline void AppendText(std::string& out, std::string_view text) {
  AppendNumber(out, static_cast<uint32_t>(text.size()));
  out += text;
}

// Reads in order; after the first failure everything reads as 0 or empty, and status() says
// DataLoss.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  template <class T>
  T Number() {
    if (in_.size() < sizeof(T)) {
      in_ = {};
      torn_ = true;
      return T{};
    }
    uint64_t v = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      v |= static_cast<uint64_t>(static_cast<unsigned char>(in_[i])) << (8 * i);
    }
    in_.remove_prefix(sizeof(T));
    return static_cast<T>(v);
  }
  double Double() { return std::bit_cast<double>(Number<uint64_t>()); }
  std::string_view Text() {
    const auto size = Number<uint32_t>();
    if (in_.size() < size) {
      in_ = {};
      torn_ = true;
      return {};
    }
    const std::string_view text = in_.substr(0, size);
    in_.remove_prefix(size);
    return text;
  }
  // How many elements of at least this size may follow: a damaged count cannot ask for more memory
  // than the text has.
  uint64_t Count(size_t bytes_each) {
    const auto count = Number<uint64_t>();
    if (count > in_.size() / bytes_each) {
      in_ = {};
      torn_ = true;
      return 0;
    }
    return count;
  }

  std::string_view& rest() { return in_; }
  Status status() const { return torn_ ? Status::DataLoss("the text ends too early") : Status(); }

 private:
  std::string_view in_;
  bool torn_ = false;
};

}  // namespace hoego::abtest::internal
