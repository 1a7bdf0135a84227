#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hoego::http::internal {

// Bytes on their way to a client: small ones gathered in one string, large bodies moved in whole.
// Threads: one at a time.
class OutQueue {
 public:
  // A string to append to. Valid until the next call of any other method.
  std::string& tail() {
    if (segments_.size() == first_ || !tail_open_ || segments_.back().size() > kFull) {
      segments_.emplace_back();
      segments_.back().swap(spare_);
      tail_open_ = true;
    }
    return segments_.back();
  }
  void Append(std::string&& bytes) {
    if (bytes.size() <= kCopied) {
      tail().append(bytes);
      return;
    }
    segments_.push_back(std::move(bytes));
    tail_open_ = false;
  }

  bool empty() const { return bytes() == 0; }
  size_t bytes() const {
    size_t sum = 0;
    for (size_t i = first_; i < segments_.size(); ++i) {
      sum += segments_[i].size();
    }
    return sum - sent_;
  }
  // The next pieces to write, at most as many as there is room for.
  size_t Gather(std::span<std::string_view> pieces) const {
    size_t n = 0;
    for (size_t i = first_; i < segments_.size() && n < pieces.size(); ++i) {
      pieces[n] = segments_[i];
      if (i == first_) {
        pieces[n].remove_prefix(sent_);
      }
      n += pieces[n].empty() ? 0 : 1;
    }
    return n;
  }
  void Sent(size_t n) {
    sent_ += n;
    while (first_ < segments_.size() && sent_ >= segments_[first_].size()) {
      sent_ -= segments_[first_].size();
      Recycle(segments_[first_]);
      ++first_;
    }
    if (first_ == segments_.size()) {
      segments_.clear();
      first_ = 0;
      tail_open_ = false;
    }
  }

 private:
  static constexpr size_t kCopied = 16384;  // a body up to this is cheaper copied than gathered
  static constexpr size_t kFull = 65536;

  void Recycle(std::string& segment) {
    if (segment.capacity() <= kFull * 2 && segment.capacity() > spare_.capacity()) {
      segment.clear();
      spare_.swap(segment);
    }
  }

  std::vector<std::string> segments_;
  size_t first_ = 0;  // segments before it are written
  size_t sent_ = 0;   // bytes of the first one that are written
  bool tail_open_ = false;
  std::string spare_;
};

}  // namespace hoego::http::internal
