#include "datasets/internal/body.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "base/crypto.h"

namespace hoego::datasets::internal {
namespace {

static_assert(std::endian::native == std::endian::little,
              "columns are copied as they lie in memory");

constexpr std::string_view kName = "hoego dataset 1\n";
constexpr size_t kBlock = 1 << 20;
constexpr uint64_t kHasParts = 1;

// Collects bytes and hands them over a block at a time; remembers the first failure.
class Blocks {
 public:
  explicit Blocks(const std::function<Status(std::string_view)>& write) : write_(write) {
    buffer_.reserve(kBlock);
  }

  void Bytes(std::string_view bytes) {
    while (!bytes.empty() && status_.ok()) {
      const std::string_view head = bytes.substr(0, kBlock - buffer_.size());
      buffer_ += head;
      bytes.remove_prefix(head.size());
      if (buffer_.size() == kBlock) {
        Flush();
      }
    }
  }

  template <class T>
  void Number(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    Bytes(std::string_view(bytes, sizeof(T)));
  }

  Status Finish() {
    if (status_.ok() && !buffer_.empty()) {
      Flush();
    }
    return status_;
  }

 private:
  void Flush() {
    status_ = write_(buffer_);
    buffer_.clear();
  }

  const std::function<Status(std::string_view)>& write_;
  std::string buffer_;
  Status status_;
};

// Reads numbers off the front; a short read leaves `ok` false and gives zeros.
class Front {
 public:
  explicit Front(std::string_view bytes) : rest_(bytes) {}

  std::string_view Bytes(uint64_t n) {
    if (n > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view head = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return head;
  }

  template <class T>
  T Number() {
    T value{};
    const std::string_view bytes = Bytes(sizeof(T));
    if (bytes.size() == sizeof(T)) {
      std::memcpy(&value, bytes.data(), sizeof(T));
    }
    return value;
  }

  // A column of n numbers. Pre: n * sizeof(T) does not overflow.
  template <class T>
  std::string_view Column(uint64_t n) {
    return Bytes(n * sizeof(T));
  }

  bool ok() const { return ok_; }
  size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

template <class T>
T At(std::string_view column, uint64_t i) {
  T value;
  std::memcpy(&value, column.data() + i * sizeof(T), sizeof(T));
  return value;
}

Status Damaged(std::string_view what) {
  return Status::DataLoss("dataset body: " + std::string(what));
}

Status ReadItems(Front& in, uint64_t n, Dataset& dataset) {
  const std::string_view lengths = in.Column<uint32_t>(n);
  if (!in.ok()) {
    return Damaged("the item lengths go beyond its end");
  }
  dataset.items.clear();
  dataset.items.reserve(n);
  for (uint64_t i = 0; i < n; ++i) {
    dataset.items.emplace_back(in.Bytes(At<uint32_t>(lengths, i)));
  }
  return in.ok() ? Status() : Damaged("an item id goes beyond its end");
}

Status ReadSamples(Front& in, uint64_t n, Dataset& dataset) {
  const std::string_view units = in.Column<uint32_t>(n);
  const std::string_view items = in.Column<uint32_t>(n);
  const std::string_view weights = in.Column<float>(n);
  const std::string_view times = in.Column<int64_t>(n);
  if (!in.ok()) {
    return Damaged("the samples go beyond its end");
  }
  dataset.samples.resize(n);
  for (uint64_t i = 0; i < n; ++i) {
    Sample& s = dataset.samples[i];
    s = {At<uint32_t>(units, i), At<uint32_t>(items, i), At<float>(weights, i),
         At<int64_t>(times, i)};
    if (s.unit >= dataset.unit_keys.size() || s.item >= dataset.items.size() ||
        !std::isfinite(s.weight)) {
      return Damaged("a sample names a unit or item it does not have, or has no finite weight");
    }
    if (i > 0 && std::pair(dataset.samples[i - 1].unit, dataset.samples[i - 1].time_ms) >
                     std::pair(s.unit, s.time_ms)) {
      return Damaged("its samples are not in order of unit and time");
    }
  }
  return {};
}

Status ReadParts(Front& in, uint64_t n, Dataset& dataset) {
  const std::string_view parts = in.Column<uint8_t>(n);
  if (!in.ok()) {
    return Damaged("the given parts go beyond its end");
  }
  dataset.given_parts.resize(n);
  for (uint64_t i = 0; i < n; ++i) {
    const auto part = At<uint8_t>(parts, i);
    if (part > static_cast<uint8_t>(Part::kUnused)) {
      return Damaged("a given part is not one of 0..3");
    }
    dataset.given_parts[i] = static_cast<Part>(part);
  }
  return {};
}

}  // namespace

uint64_t BodyBytes(const Dataset& dataset) {
  uint64_t bytes =
      kName.size() + 4 * sizeof(uint64_t) + dataset.unit_keys.size() * sizeof(uint32_t);
  for (const std::string& item : dataset.items) {
    bytes += sizeof(uint32_t) + item.size();
  }
  constexpr uint64_t kSample =
      sizeof(uint32_t) + sizeof(uint32_t) + sizeof(float) + sizeof(int64_t);
  return bytes + dataset.samples.size() * kSample + dataset.given_parts.size();
}

Status WriteBody(const Dataset& dataset,
                 const std::function<Status(std::string_view block)>& write) {
  Blocks out(write);
  out.Bytes(kName);
  out.Number<uint64_t>(dataset.unit_keys.size());
  out.Number<uint64_t>(dataset.items.size());
  out.Number<uint64_t>(dataset.samples.size());
  out.Number<uint64_t>(dataset.given_parts.empty() ? 0 : kHasParts);
  for (const uint32_t key : dataset.unit_keys) {
    out.Number(key);
  }
  for (const std::string& item : dataset.items) {
    out.Number(static_cast<uint32_t>(item.size()));
  }
  for (const std::string& item : dataset.items) {
    out.Bytes(item);
  }
  for (const Sample& s : dataset.samples) {
    out.Number(s.unit);
  }
  for (const Sample& s : dataset.samples) {
    out.Number(s.item);
  }
  for (const Sample& s : dataset.samples) {
    out.Number(s.weight);
  }
  for (const Sample& s : dataset.samples) {
    out.Number(s.time_ms);
  }
  for (const Part part : dataset.given_parts) {
    out.Number(static_cast<uint8_t>(part));
  }
  return out.Finish();
}

Status ReadBody(std::string_view body, Dataset& dataset) {
  Front in(body);
  if (in.Bytes(kName.size()) != kName) {
    return Damaged("it does not begin with its name");
  }
  const auto units = in.Number<uint64_t>();
  const auto items = in.Number<uint64_t>();
  const auto samples = in.Number<uint64_t>();
  const auto flags = in.Number<uint64_t>();
  // Each takes at least a byte, so larger counts cannot be true and products below cannot overflow.
  if (!in.ok() || units > body.size() || items > body.size() || samples > body.size() ||
      flags > kHasParts) {
    return Damaged("its counts do not fit its size");
  }
  const std::string_view keys = in.Column<uint32_t>(units);
  if (!in.ok()) {
    return Damaged("the unit keys go beyond its end");
  }
  dataset.unit_keys.resize(units);
  for (uint64_t i = 0; i < units; ++i) {
    dataset.unit_keys[i] = At<uint32_t>(keys, i);
  }
  HOEGO_TRY(ReadItems(in, items, dataset));
  HOEGO_TRY(ReadSamples(in, samples, dataset));
  dataset.given_parts.clear();
  if (flags == kHasParts) {
    HOEGO_TRY(ReadParts(in, samples, dataset));
  }
  return in.left() == 0 ? Status() : Damaged("bytes are left after its last column");
}

std::string DigestOf(const Dataset& dataset) {
  Sha256Stream sha;
  const Status status = WriteBody(dataset, [&sha](std::string_view block) {
    sha.Update(block);
    return Status();
  });
  HOEGO_CHECK(status.ok());
  return ToHex(sha.Finish());
}

}  // namespace hoego::datasets::internal
