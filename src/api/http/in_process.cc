#include <string>
#include <utility>

#include "api/http/router.h"
#include "base/mutex.h"

namespace hoego::http {
namespace {

// An answer that one thread gives and another waits for.
class Box {
 public:
  void Put(Response response) {
    MutexLock lock(mu_);
    response_ = std::move(response);
    full_.NotifyAll();
  }
  Response Take() {
    MutexLock lock(mu_);
    while (!response_) {
      full_.Wait(mu_);
    }
    return std::move(*response_);
  }

 private:
  Mutex mu_;
  CondVar full_;
  std::optional<Response> response_ GUARDED_BY(mu_);
};

}  // namespace

Response CallInProcess(const Router& router, std::string_view method, std::string_view target,
                       std::string_view body, std::vector<HeaderField> headers) {
  Request request;
  request.method = method;
  request.target = target;
  request.path = target.substr(0, target.find('?'));
  request.remote = "in-process";
  request.request_id = "in-process";
  request.headers = headers;
  const Router::Match match = router.Find(method, request.path, request.params);
  if (match.bad_path) {
    return Problem(Status::InvalidArgument("the path is malformed"));
  }
  const std::vector<std::pair<std::string, std::string>> allow{{"Allow", std::string(match.allow)}};
  if (match.handler == nullptr) {
    return {204, "", "", allow};
  }
  request.route_label = match.route != nullptr ? std::string_view(match.route->pattern)
                                               : std::string_view("(unmatched)");
  if (match.route == nullptr) {
    request.allow = match.allow;
  }
  if (router.gate()) {
    if (std::optional<Response> refused = router.gate()(request, match.route)) {
      return *std::move(refused);
    }
  }
  request.body = body;
  const auto box = std::make_shared<Box>();
  (*match.handler)(request, Responder::To([box](Response r) { box->Put(std::move(r)); }));
  Response response = box->Take();
  if (!request.allow.empty()) {
    response.headers.push_back(allow.front());
  }
  return response;
}

}  // namespace hoego::http
