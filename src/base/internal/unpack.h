#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/status.h"

namespace hoego::internal {

// Turns packed bytes into plain ones, a buffer at a time. Threads: one thread at a time.
class Unpacker {
 public:
  virtual ~Unpacker() = default;
  struct Step {
    size_t consumed = 0;  // of `in`
    size_t produced = 0;  // into `out`
  };
  // Consumes and produces what fits. `last`: `in` ends the packed stream. DataLoss when the bytes
  // are damaged.
  virtual Result<Step> Feed(std::string_view in, bool last, std::span<char> out) = 0;
  // True when the packed stream may end here.
  virtual bool complete() const = 0;
};

// By the first bytes of a file: xz, gzip, Zstandard, or plain text as it is.
std::unique_ptr<Unpacker> MakeUnpacker(std::string_view first_bytes);

}  // namespace hoego::internal
