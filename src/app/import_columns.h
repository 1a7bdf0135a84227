#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace hoego::app {

// What `hoego import --format csv` was told by --column, looked at before anything is stored. InvalidArgument for what is
// not field=column, for a field that is unknown (naming the nearest) or given twice, for a missing unit and for a column
// that the first line of `path` does not have. A file that cannot be read is left to the import.
Status CheckColumns(const std::vector<std::string>& columns, const std::string& path);

}  // namespace hoego::app
