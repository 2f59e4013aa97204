#pragma once

#include <luban/recommend/detail/signomial.hpp>
#include <luban/recommend/search.hpp>

namespace luban::recommend::detail {

/// A landscape with a region's nonlinear relations put before its own constraints. Both must outlive it.
class RelatedLandscape final : public Landscape {
 public:
  RelatedLandscape(const Landscape& inner, const SignomialSet& relations) : inner_(&inner), relations_(&relations) {}
  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override;

 private:
  const Landscape* inner_;
  const SignomialSet* relations_;
};

}  // namespace luban::recommend::detail
