#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/mutex.h"

namespace hoego::events {

// Where each unit's newest durable event with an item lies: one number a unit, grown by chunks that
// never move. Threads: Set from one thread at a time, Get from any.
class HeadTable {
 public:
  static constexpr uint32_t kMostUnits = 1u << 28;

  uint64_t Get(uint32_t unit) const {
    const Chunk* chunk =
        unit < kMostUnits ? chunks_[unit / kChunkUnits].load(std::memory_order_acquire) : nullptr;
    return chunk == nullptr ? 0 : chunk->heads[unit % kChunkUnits].load(std::memory_order_acquire);
  }
  void Prefetch(uint32_t unit) const {
    const Chunk* chunk =
        unit < kMostUnits ? chunks_[unit / kChunkUnits].load(std::memory_order_relaxed) : nullptr;
    if (chunk != nullptr) {
      __builtin_prefetch(&chunk->heads[unit % kChunkUnits], 1);
    }
  }
  void Set(uint32_t unit, uint64_t position) {  // Pre: unit < kMostUnits
    std::atomic<Chunk*>& place = chunks_[unit / kChunkUnits];
    Chunk* chunk = place.load(std::memory_order_relaxed);
    if (chunk == nullptr) {
      owned_[unit / kChunkUnits] = std::make_unique<Chunk>();
      chunk = owned_[unit / kChunkUnits].get();
      place.store(chunk, std::memory_order_release);
    }
    chunk->heads[unit % kChunkUnits].store(position, std::memory_order_release);
  }

 private:
  static constexpr uint32_t kChunkUnits = 1u << 15;
  struct Chunk {
    std::array<std::atomic<uint64_t>, kChunkUnits> heads{};
  };
  std::array<std::atomic<Chunk*>, kMostUnits / kChunkUnits> chunks_{};
  std::array<std::unique_ptr<Chunk>, kMostUnits / kChunkUnits> owned_{};
};

}  // namespace hoego::events
