#pragma once

#include <limits>
#include <string>
#include <vector>

#include <luban/core/json.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate {

/// What is believed about one positive hyperparameter before any data. Constants of the density are left out.
struct LUBAN_SURROGATE_EXPORT Prior {
  enum class Kind {
    flat,        ///< nothing: maximum likelihood
    log_normal,  ///< density of the value; a, b = mean and standard deviation of its logarithm
    gamma,       ///< density of the value; a, b = shape and rate
    normal_log,  ///< density of the logarithm: normal with mean a and standard deviation b
    two_sided    ///< exp(−a value² − b / value²): away from 0 and from infinity alike
  };
  Kind kind = Kind::flat;
  double a = 0.0;
  double b = 1.0;
  /// Log density at exp(log_value), up to a constant; `slope` is its derivative by log_value.
  [[nodiscard]] double log_density(double log_value, double& slope) const;
  /// Minus the second derivative of log_density by log_value, ≥ 0.
  [[nodiscard]] double curvature(double log_value) const;
};

/// One positive hyperparameter. Fits work on its logarithm, within [log low, log high].
struct LUBAN_SURROGATE_EXPORT HyperparameterSpec {
  Prior prior;
  double low = 1e-6;
  double high = 1e6;
  double start = 1.0;  ///< of the first optimisation; further ones start around it
  bool fixed = false;  ///< stays at `start`
};

/// A covariance function of some of the inputs, with value 1 at distance 0 (except linear). Distances are of the
/// numeric and ordinal inputs, each divided by its length, unless said otherwise.
enum class FactorKind {
  rbf,          ///< exp(−r²/2)
  matern12,     ///< exp(−r)
  matern32,     ///< (1 + √3 r) exp(−√3 r)
  matern52,     ///< (1 + √5 r + 5 r²/3) exp(−√5 r)
  linear,       ///< inner product of the inputs, centred to [−1, 1], over their number
  periodic,     ///< exp(−2 Σ sin²(π (x − x′) / period) / length²)
  categorical,  ///< exp(−Σ [differ] / length) over the categorical inputs
  embedding,    ///< exp(−Σ |e − e′|² / 2) over the categorical inputs, e the learned place of a category
  forgetting,   ///< (1 − ε)^(|t − t′| / 2) of one numeric input t in its own unit
  /// B(task, task′) = Σ_k w_k(task) w_k(task′) + [task = task′] own(task) over the categories of one input
  coregionalisation
};

struct FactorSpec {
  std::string name;  ///< of its length scales in reports
  FactorKind kind = FactorKind::matern52;
  bool isotropic = false;  ///< one length scale for all inputs instead of one each
  /// Of each length; of an embedding each coordinate of a category's place, of a forgetting factor ε, of a
  /// coregionalisation each w.
  HyperparameterSpec length;
  double period = 1.0;  ///< of a periodic factor, in search ranges
  /// For the kernels of r: categorical inputs count too, two different categories as 1 / length² in r².
  bool with_categories = false;
  /// Names of the inputs that it looks at, of the kinds that it can look at; empty = all of these but `without`.
  std::vector<std::string> inputs = {};
  std::vector<std::string> without = {};
  int rank = 0;  ///< dimensions of an embedding, number of w of a coregionalisation; 0 = 2, at most levels − 1
  HyperparameterSpec own = {};  ///< each task's own part of a coregionalisation
};

/// Numeric and ordinal inputs bent before any factor sees them, each by 1 − (1 − x^a)^b of its coded value in [0, 1]:
/// a response that changes fast at one end of a range becomes an even one. a = b = 1 bends nothing. Beyond the range
/// the bent input goes on with slope 1. Reference: Snoek, Swersky, Zemel and Adams 2014 (arXiv 1402.0929), with the
/// distribution function of Kumaraswamy 1980.
struct WarpSpec {
  bool used = false;
  HyperparameterSpec a = {};
  HyperparameterSpec b = {};
  std::vector<std::string> without = {};  ///< names of inputs that stay as they are
};

/// variance × product of factors.
struct LUBAN_SURROGATE_EXPORT TermSpec {
  std::string name;
  std::vector<std::size_t> factors;  ///< indices into ModelSpec::factors; a factor may serve several terms
  HyperparameterSpec variance;
};

/// Noise that changes with the inputs: every level of it times h(x) = Π ratio^(x − 1/2) over the coded numeric inputs
/// times Π ratio of the category, so that the noise levels are those at the centre of the ranges.
struct NoiseProfileSpec {
  bool used = false;
  HyperparameterSpec ratio = {};         ///< of variances at the ends of a range, or of a category to the common level
  std::vector<std::string> inputs = {};  ///< empty = all
};

/// A Gaussian process as data: covariance = Σ terms, constant mean, up to three levels of noise; all in units of the
/// standardised response. A factor without inputs (no categorical variable, say) counts as 1; terms that become equal
/// merge, a term that loses all factors goes.
struct LUBAN_SURROGATE_EXPORT ModelSpec {
  std::vector<FactorSpec> factors;
  std::vector<TermSpec> terms;
  WarpSpec warp = {};
  /// Prior variance of the constant mean; infinity = generalised least squares, taken as known afterwards.
  double mean_variance = std::numeric_limits<double>::infinity();
  HyperparameterSpec between;  ///< variance between runs at equal inputs, shared by all readings of a run
  HyperparameterSpec point;    ///< variance of one input point within one run, shared by its repeated readings
  HyperparameterSpec within;   ///< variance of one reading
  bool point_level = false;    ///< whether `point` is used (where readings are repeated at several points of a run)
  NoiseProfileSpec noise_profile = {};
};

/// The model as JSON, for people and for artefacts, which must not depend on what a preset's name means later.
[[nodiscard]] LUBAN_SURROGATE_EXPORT core::Json to_json(const ModelSpec& model);

/// @throws DataError when a key is missing or of the wrong type, or a factor or prior is unknown.
[[nodiscard]] LUBAN_SURROGATE_EXPORT ModelSpec model_from_json(const core::Json& json);

}  // namespace luban::surrogate
