#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/status.h"
#include "models/model.h"

// A model's folder: manifest.json and one raw little-endian file an array (docs/formats/model.md).
namespace hoego::models::internal {

inline constexpr uint32_t kNewestFormat = 1;

enum class ElementType : unsigned char { kU8, kU32, kU64, kF32, kF64 };
std::string_view ElementTypeName(ElementType type);  // "u8", "u32", "u64", "f32", "f64"
size_t ElementBytes(ElementType type);

template <class T>
constexpr ElementType ElementTypeOf() {
  if constexpr (std::is_same_v<T, uint8_t>) {
    return ElementType::kU8;
  } else if constexpr (std::is_same_v<T, uint32_t>) {
    return ElementType::kU32;
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    return ElementType::kU64;
  } else if constexpr (std::is_same_v<T, float>) {
    return ElementType::kF32;
  } else {
    static_assert(std::is_same_v<T, double>);
    return ElementType::kF64;
  }
}

// An array about to be written. `data` outlives the call of WriteModel.
struct ArrayOut {
  std::string_view name;  // [a-z_]+; the file is NAME.bin
  ElementType type;
  std::vector<uint64_t> shape;
  std::string_view data;
};

template <class T>
ArrayOut MakeArray(std::string_view name, std::span<const T> data, std::vector<uint64_t> shape) {
  return {name, ElementTypeOf<T>(), std::move(shape),
          std::string_view(reinterpret_cast<const char*>(data.data()), data.size_bytes())};
}

// Writes the arrays, then the manifest: a folder without manifest.json is no model. extra_json:
// fields of a manifest that this build did not know, as `,"name":value…`, written back as they
// were.
Status WriteModel(const std::string& folder, const Manifest& manifest, std::string_view extra_json,
                  std::span<const ArrayOut> arrays);

// Reads a folder; every array is checked against its SHA-256 and the shape the caller expects.
// Threads: one thread at a time.
class ModelReader {
 public:
  // NotFound without a manifest, DataLoss when its bytes were altered, FailedPrecondition for a
  // newer format.
  static Result<ModelReader> Open(const std::string& folder);

  const Manifest& manifest() const { return manifest_; }
  const std::string& extra_json() const { return extra_json_; }
  uint32_t items() const { return static_cast<uint32_t>(manifest_.items.size()); }

  // What the manifest says of an array; DataLoss when it is not listed.
  Result<std::vector<uint64_t>> Shape(std::string_view name) const;

  // The array's elements. DataLoss for another type or shape, a wrong size or altered bytes;
  // NotFound for a missing file.
  template <class T>
  Result<std::vector<T>> Read(std::string_view name, const std::vector<uint64_t>& shape) const {
    HOEGO_TRY_ASSIGN(const uint64_t elements, Check(name, ElementTypeOf<T>(), shape));
    std::vector<T> out(elements);
    HOEGO_TRY(Fill(name, std::span(reinterpret_cast<char*>(out.data()), out.size() * sizeof(T))));
    return out;
  }

 private:
  struct Listed {
    std::string name;
    std::string type;
    std::vector<uint64_t> shape;
    std::string sha256;
  };
  Status ParseManifest(std::string_view text);
  Status ParseArrays(JsonRef root);
  Status ReadItems(uint64_t items);
  const Listed* FindListed(std::string_view name) const;
  // The number of elements, when type, shape and the file's size fit.
  Result<uint64_t> Check(std::string_view name, ElementType type,
                         const std::vector<uint64_t>& shape) const;
  Status Fill(std::string_view name, std::span<char> out) const;

  std::string folder_;
  Manifest manifest_;
  std::string extra_json_;
  std::vector<Listed> arrays_;
};

}  // namespace hoego::models::internal
