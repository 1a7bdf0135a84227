#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hoego::events {

// How often each text was seen, known by 64 bits of its hash. Two texts that share them (once in
// 2^64 pairs) count as one, the same way each time. Threads: one at a time. Cost: at most 16 bytes
// a distinct text and 12 KiB; it grows in 64 parts one after the other, so that a copy is never
// more than a part.
class RowCounts {
 public:
  // How often this text was added before.
  uint32_t Add(std::string_view text);
  uint64_t MemoryBytes() const;

 private:
  static constexpr int kPartBits = 6;
  struct Part {
    std::vector<uint64_t> hashes;  // open addressing; 0: free
    std::vector<uint32_t> counts;  // of the hash in the same place
    size_t used = 0;

    size_t Find(uint64_t hash) const;  // where it is, or would be
    void Grow();
  };
  std::array<Part, size_t{1} << kPartBits> parts_;
};

}  // namespace hoego::events
