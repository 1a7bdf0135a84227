#include "training/algorithm.h"

#include <array>

#include "base/text.h"
#include "training/als.h"
#include "training/ease.h"
#include "training/item_knn.h"
#include "training/popularity.h"

namespace hoego::training {
namespace {

// Every algorithm there is; a new one is one line here and one file beside this.
const std::array<const Algorithm*, 4>& All() {
  static const Popularity popularity;
  static const ItemKnn item_knn;
  static const Ease ease;
  static const Als als;
  static const std::array<const Algorithm*, 4> all = {&popularity, &item_knn, &ease, &als};
  return all;
}

}  // namespace

std::string Plan::Describe() const {
  return fmt::format("{}FLOP, {} beyond the data", HumanCount(flops), HumanBytes(bytes));
}

const Algorithm* FindAlgorithm(std::string_view name) {
  for (const Algorithm* algorithm : All()) {
    if (algorithm->name() == name) {
      return algorithm;
    }
  }
  return nullptr;
}

std::vector<std::string> AlgorithmNames() {
  std::vector<std::string> names;
  for (const Algorithm* algorithm : All()) {
    names.emplace_back(algorithm->name());
  }
  return names;
}

}  // namespace hoego::training
