#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "datasets/dataset.h"

namespace hoego::datasets::internal {

// The logical content of a dataset as bytes (docs/formats/dataset.md, "body"): units, items,
// samples and given parts, little-endian, in columns. The digest is the SHA-256 of exactly these
// bytes.
uint64_t BodyBytes(const Dataset& dataset);

// Hands the body over in blocks of at most 1 MiB, in order, until `write` fails.
Status WriteBody(const Dataset& dataset,
                 const std::function<Status(std::string_view block)>& write);

// Fills units, items, samples and given parts. DataLoss naming what does not fit.
Status ReadBody(std::string_view body, Dataset& dataset);

std::string DigestOf(const Dataset& dataset);

}  // namespace hoego::datasets::internal
