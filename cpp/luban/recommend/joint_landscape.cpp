#include <utility>

#include <luban/recommend/joint_search.hpp>

namespace luban::recommend {

JointLandscape::~JointLandscape() = default;

SurrogateJointLandscape::SurrogateJointLandscape(Definition definition) : definition_(std::move(definition)) {}

JointLandscape::Value SurrogateJointLandscape::evaluate(const Eigen::MatrixXd& X, bool gradients) const {
  const auto posterior = definition_.beside->posterior(X, {.gradients = gradients, .joint = true, .reading = false});
  JointAcquisitionValue at = definition_.acquisition->evaluate(*posterior, gradients);
  Value out{at.value, std::move(at.gradient), Eigen::MatrixXd(X.rows(), 0), {}};
  if (definition_.limits != nullptr) {
    Landscape::Value limits = definition_.limits->evaluate(X, gradients);
    out.constraints = std::move(limits.constraints);
    out.jacobians = std::move(limits.jacobians);
  }
  return out;
}

}  // namespace luban::recommend
