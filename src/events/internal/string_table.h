#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace hoego::events {

// Texts numbered from 0 in order of first appearance: item ids, type names, categories. The newest
// may be taken back (their record never became durable); until Publish they are found by
// FindAssigned but not by Find.
//
// Threads: every method from any thread; Assign, Publish and TruncateTo are ordered by their
// caller. Cost: a look-up is one lock and about two cache misses; 12 bytes a slot and the text.
class StringTable {
 public:
  explicit StringTable(uint64_t seed) : seed_(seed) {}

  std::optional<uint32_t> Find(std::string_view text) const;          // published only
  std::optional<uint32_t> FindAssigned(std::string_view text) const;  // published or not
  // FindAssigned for each text; UINT32_MAX where it is not. One lock, and the cache misses of many
  // at a time.
  void FindManyAssigned(std::span<const std::string_view> texts, std::span<uint32_t> found) const;
  uint32_t Assign(std::string_view text);  // Pre: not found
  void Publish(uint32_t count);            // the first `count` are durable
  void TruncateTo(uint32_t count);
  std::string At(uint32_t index) const;  // Pre: assigned
  uint32_t published() const;
  uint32_t assigned() const;
  uint64_t MemoryBytes() const;

 private:
  struct Slot {
    uint32_t index_plus_one = 0;  // 0: free
    uint32_t tag = 0;
  };
  struct Hashed {
    uint64_t home;
    uint32_t tag;
  };
  Hashed HashOf(std::string_view text) const REQUIRES(mu_);
  std::string_view TextAt(uint32_t index) const REQUIRES(mu_);
  std::optional<uint32_t> Probe(std::string_view text) const REQUIRES(mu_);
  std::optional<uint32_t> ProbeFrom(std::string_view text, const Hashed& h) const REQUIRES(mu_);
  void Insert(std::string_view text, uint32_t index) REQUIRES(mu_);
  void Erase(std::string_view text, uint32_t index) REQUIRES(mu_);
  void Grow() REQUIRES(mu_);
  const char* Store(std::string_view text) REQUIRES(mu_);

  const uint64_t seed_;
  mutable Mutex mu_;
  std::vector<Slot> slots_ GUARDED_BY(mu_);
  std::vector<const char*> texts_ GUARDED_BY(mu_);  // each a two-byte length, then the text
  std::vector<std::unique_ptr<char[]>> blocks_ GUARDED_BY(mu_);
  size_t block_used_ GUARDED_BY(mu_) = 0;
  uint32_t published_ GUARDED_BY(mu_) = 0;
};

}  // namespace hoego::events
