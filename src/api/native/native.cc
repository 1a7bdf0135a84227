#include "api/native/native.h"

namespace hoego::native {

void AnswerLater(Context& context, http::Responder responder, std::function<http::Response()> work) {
  auto answer = std::make_shared<http::Responder>(std::move(responder));
  context.workers.Submit([answer, work = std::move(work)] { answer->Send(work()); });
}

void AddNativeRoutes(http::Router& router, Context& context) {
  Operations operations(router);
  AddEventRoutes(operations, context);
  AddCatalogueRoutes(operations, context);
  AddEndpointRoutes(operations, context);
  AddRegistryRoutes(operations, context);
  AddTestRoutes(operations, context);
  AddLoopRoutes(operations, context);
  AddRunRoutes(operations, context);
  AddSystemRoutes(operations, router, context);
  AddPages(router, context);
}

}  // namespace hoego::native
