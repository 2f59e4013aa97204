#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/features/dataset.hpp>
#include <luban/surrogate/detail/conditioned.hpp>
#include <luban/surrogate/gaussian_process.hpp>

namespace luban::surrogate::detail {

/// What the end of a climb knows of the surface there.
struct Curvature {
  Eigen::MatrixXd hessian;  ///< of minus the log posterior; empty = not known
  Eigen::Index points = 0;  ///< of the data
};

/// One response, fitted.
struct FittedResponse {
  std::shared_ptr<const Conditioned> process;
  FitReport report;
  Curvature curvature = {};  ///< not part of an artefact
};

/// Where a fit begins; nothing: at the priors.
struct WarmStart {
  Eigen::VectorXd theta = {};
  /// Of theta, which then is matched by name to what the data ask for: what has no namesake begins at the priors.
  /// Empty: theta is as long as the data ask for.
  std::vector<std::string> names = {};
  /// With names: of the standardisation that theta's variances are in; none: they are shares of any response's spread.
  std::optional<double> scale = {};
  Curvature curvature = {};  ///< with names, which must then be those of the data, in order; or nothing
};

/// Weights, reduction, optimisation of the hyperparameters, conditioning.
/// @throws as GaussianProcess::fit.
[[nodiscard]] FittedResponse fit_response(const features::Dataset& data, Eigen::Index response, const ModelSpec& model,
                                          const std::shared_ptr<const Covariance>& covariance,
                                          const GaussianProcessOptions& options, const WarmStart& warm_start,
                                          core::RandomKey key, const core::CallControl& control);

/// Log likelihood of a response where a fit would begin. @throws as GaussianProcess::fit.
[[nodiscard]] double log_likelihood_at(const WarmStart& start, const features::Dataset& data, Eigen::Index response,
                                       const ModelSpec& model, const std::shared_ptr<const Covariance>& covariance);

/// The optimum of several starts.
struct Optimum {
  Eigen::VectorXd theta;
  Eigen::MatrixXd curvature;  ///< of minus the log posterior, as the last climb saw it
  double log_posterior = 0.0;
  double log_likelihood = 0.0;
  int evaluations = 0;
  int converged = 0;                  ///< starts that met a tolerance
  LogPosterior::Workspace work = {};  ///< what its last evaluation left behind
};

/// Multi-start maximisation: all starts but a warm one climb on a part of the runs first, the best go on with growing
/// parts and end on everything. The same for any number of threads. @param warm_curvature that is expected at the warm
/// start; may be empty. @throws NumericalError when no start is usable.
[[nodiscard]] LUBAN_SURROGATE_EXPORT Optimum maximise(const LogPosterior& target, const ModelSpec& model,
                                                      const GaussianProcessOptions& options,
                                                      const Eigen::VectorXd& warm_start, core::RandomKey key,
                                                      const core::CallControl& control,
                                                      const Curvature& warm_curvature = {});

}  // namespace luban::surrogate::detail
