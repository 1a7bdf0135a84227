#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace hoego::http::internal {

// Bytes that grow by doubling and are never zeroed first, kept from request to request.
// Threads: one at a time.
class ByteBuffer {
 public:
  // At least `room` writable bytes at tail(). Moves what is there: views end.
  void Reserve(size_t room) {
    if (capacity_ - size_ >= room) {
      return;
    }
    const size_t capacity = std::max(size_ + room, capacity_ * 2);
    std::unique_ptr<char[]> larger(new char[capacity]);
    if (size_ > 0) {
      std::memcpy(larger.get(), bytes_.get(), size_);
    }
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }
  void Append(std::string_view bytes) {
    if (bytes.empty()) {
      return;
    }
    Reserve(bytes.size());
    std::memcpy(tail(), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void Grew(size_t n) { size_ += n; }  // n bytes were written at tail(). Pre: there was room
  void DropFront(size_t n) {
    if (n == 0) {
      return;
    }
    size_ -= n;
    std::memmove(bytes_.get(), bytes_.get() + n, size_);
  }
  // Empties it; gives memory beyond `keep` bytes back.
  void Clear(size_t keep) {
    size_ = 0;
    if (capacity_ > keep) {
      bytes_.reset();
      capacity_ = 0;
    }
  }

  char* tail() { return bytes_.get() + size_; }
  size_t room() const { return capacity_ - size_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace hoego::http::internal
