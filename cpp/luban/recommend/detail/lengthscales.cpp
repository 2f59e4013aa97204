#include <luban/recommend/detail/lengthscales.hpp>

#include <cmath>
#include <string>

#include <luban/surrogate/gaussian_process.hpp>

namespace luban::recommend::detail {

Eigen::VectorXd lengthscales(const surrogate::Surrogate& fitted, Eigen::Index response) {
  const features::Encoder& encoder = fitted.encoder();
  Eigen::VectorXd out = Eigen::VectorXd::Ones(encoder.p());
  const auto* process = dynamic_cast<const surrogate::GaussianProcess*>(&fitted);
  if (process == nullptr) return out;
  const surrogate::FitReport& report = process->reports().at(static_cast<std::size_t>(response));
  for (std::size_t k = 0; k < report.hyperparameter_names.size(); ++k) {
    const std::string& name = report.hyperparameter_names[k];
    if (!name.starts_with("log_length:")) continue;
    for (Eigen::Index column = 0; column < out.size(); ++column) {
      if (!name.ends_with(":" + encoder.variables()[static_cast<std::size_t>(column)].name)) continue;
      out(column) = std::exp(report.hyperparameters(static_cast<Eigen::Index>(k)));
    }
  }
  return out;
}

}  // namespace luban::recommend::detail
