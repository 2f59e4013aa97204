#include <luban/surrogate/detail/noise_profile.hpp>

namespace luban::surrogate::detail {

NoiseProfile::NoiseProfile(const NoiseProfileSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
                           const std::vector<bool>& kept)
    : inputs_(layout.places(kept)), numeric_count_(layout.numeric_count()) {
  const InputLayout own = layout.only(kept);
  const auto variable = [&](Eigen::Index column) -> const features::EncodedVariable& {
    return encoder.variables()[static_cast<std::size_t>(column)];
  };
  for (const Eigen::Index column : own.numeric()) {
    hyperparameters_.push_back({"log_noise_ratio:" + variable(column).name, spec.ratio});
  }
  for (const Eigen::Index column : own.categorical()) {
    for (const std::string& category : variable(column).categories) {
      hyperparameters_.push_back({"log_noise_ratio:" + variable(column).name + ":" + category, spec.ratio});
    }
  }
}

Eigen::MatrixXd NoiseProfile::features(const Points& points) const {
  Points memory;
  const Points& own = inputs_.of(points, memory);
  Eigen::MatrixXd out(points.count(), size());
  out << (own.numeric.array() - 0.5).matrix(), own.one_hot;
  return out;
}

Eigen::VectorXd NoiseProfile::slope(const Eigen::VectorXd& gamma) const {
  Eigen::VectorXd out = Eigen::VectorXd::Zero(numeric_count_);
  for (std::size_t k = 0; k < inputs_.numeric.size(); ++k) {
    out(inputs_.numeric[k]) = gamma(static_cast<Eigen::Index>(k));
  }
  return out;
}

}  // namespace luban::surrogate::detail
