#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "datasets/dataset.h"

namespace hoego::datasets::internal {

// Gathers samples in order of arrival and hands out rows and columns by first appearance.
// Threads: one thread at a time. Memory: the samples, and once more while Finish sorts them.
class Builder {
 public:
  uint32_t Row(uint32_t unit_key);
  uint32_t Column(std::string_view item);
  void Add(uint32_t row, uint32_t column, float weight, int64_t time_ms);
  // The same, with the part of a split that came with the data. Pre: all samples have one, or none
  // has.
  void Add(uint32_t row, uint32_t column, float weight, int64_t time_ms, Part part);
  size_t samples() const { return samples_.size(); }

  // Sorts by unit, then time, then arrival, and names the dataset by its digest. Pre: called once.
  Dataset Finish(std::string source_json);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  std::unordered_map<uint32_t, uint32_t> rows_;
  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> columns_;
  std::vector<std::string> items_;
  std::vector<uint32_t> unit_keys_;
  std::vector<Sample> samples_;
  std::vector<Part> parts_;
};

}  // namespace hoego::datasets::internal
