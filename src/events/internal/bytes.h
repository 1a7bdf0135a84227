#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace hoego::events {

static_assert(std::endian::native == std::endian::little, "stored numbers are little-endian");

template <class T>
T LoadLe(const char* from) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value{};
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
void StoreLe(char* to, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(to, &value, sizeof(T));
}

template <class T>
void PutLe(std::string& out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  out.append(raw, sizeof(T));
}

// Text with its length in front, in two or four bytes. Pre: it fits.
inline void PutText16(std::string& out, std::string_view text) {
  PutLe(out, static_cast<uint16_t>(text.size()));
  out.append(text);
}
inline void PutText32(std::string& out, std::string_view text) {
  PutLe(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

// Reads stored numbers and texts; past the end it yields zeros and stays not ok, so one check at
// the end is enough.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T Take() {
    if (rest_.size() < sizeof(T)) {
      Fail();
      return T{};
    }
    const T value = LoadLe<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view Take(size_t n) {
    if (rest_.size() < n) {
      Fail();
      return {};
    }
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  std::string_view TakeText16() { return Take(Take<uint16_t>()); }
  std::string_view TakeText32() { return Take(Take<uint32_t>()); }

  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

 private:
  void Fail() {
    ok_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace hoego::events
