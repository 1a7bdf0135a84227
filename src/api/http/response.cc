#include "api/http/response.h"

#include "api/http/status_map.h"
#include "base/json.h"

namespace hoego::http {

Response Problem(const Status& status, std::string_view members) {
  return Problem(HttpStatusOf(status.code()), status, members);
}

Response Problem(int http, const Status& status, std::string_view members) {
  HOEGO_CHECK(!status.ok());
  JsonWriter w;
  w.BeginObject()
      .Field("type", "about:blank")
      .Field("title", ReasonPhrase(http))
      .Field("status", http)
      .Field("detail", status.message())
      .Field("code", CodeName(status.code()))
      .EndObject();
  Response response{http, "application/problem+json", w.Take(), {}};
  if (!members.empty()) {
    response.body.back() = ',';
    response.body.append(members).push_back('}');
  }
  return response;
}

}  // namespace hoego::http
