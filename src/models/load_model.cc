#include <array>
#include <string_view>

#include "models/als.h"
#include "models/ease.h"
#include "models/internal/artifact.h"
#include "models/item_knn.h"
#include "models/model.h"
#include "models/popularity.h"

namespace hoego::models {
namespace {

struct Loader {
  std::string_view algorithm;
  Result<std::shared_ptr<const Model>> (*load)(const internal::ModelReader& reader);
};

constexpr std::array<Loader, 4> kLoaders = {{{"popularity", PopularityModel::Load},
                                             {"item_knn", ItemKnnModel::Load},
                                             {"ease", EaseModel::Load},
                                             {"als", AlsModel::Load}}};

}  // namespace

Result<std::shared_ptr<const Model>> LoadModel(const std::string& folder) {
  HOEGO_TRY_ASSIGN(const auto reader, internal::ModelReader::Open(folder));
  for (const Loader& loader : kLoaders) {
    if (loader.algorithm == reader.manifest().algorithm) {
      Result<std::shared_ptr<const Model>> model = loader.load(reader);
      // What a file holds is never the caller's argument: a wrong content is lost data.
      if (!model.ok() && model.status().code() == Code::kInvalidArgument) {
        return Status::DataLoss(std::string(model.status().message()))
            .Within(fmt::format("model {}", folder));
      }
      return model;
    }
  }
  return Status::FailedPrecondition(fmt::format("model {}: algorithm {:?} is unknown to this build",
                                                folder, reader.manifest().algorithm));
}

}  // namespace hoego::models
