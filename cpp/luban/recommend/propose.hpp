#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/process/process.hpp>
#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/export.hpp>
#include <luban/recommend/search.hpp>
#include <luban/recommend/search_region.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend {

/// What was tried, what came of it, and what is wanted: n runs, d columns, m responses, all plain numbers.
struct ArrayProblem {
  process::SearchSpace space;    ///< a parameter for each column of X, relations between the numeric ones
  std::vector<Grid> grids = {};  ///< numeric columns that take some values alone
  /// The part of `space` to search, the same parameters in narrower ranges; nothing = all of it.
  std::optional<process::SearchSpace> within = {};
  Eigen::MatrixXd X;                ///< (n, d), n ≥ 1: numbers in units of your own; of a category its place, from 0
  Eigen::MatrixXd Y;                ///< (n, m) NaN = that response is missing
  std::vector<Utility> objectives;  ///< at least one, each of another response
  std::vector<OutcomeBound> bounds = {};  ///< on responses, objectives or not
  Eigen::MatrixXd pending = {};           ///< (p, d) runs without a result yet; may be empty
  /// The response that says what a run costs, no objective and without a bound, above 0: what is maximised is then the
  /// logarithm of an improvement per expected cost.
  std::optional<Eigen::Index> cost = {};
  /// One value per objective, in its unit, that is just not worth having; empty = from the data. For 2 to 4 objectives.
  Eigen::VectorXd reference = {};
  /// Normal deviations of numeric columns from what is set, independent from run to run; an sd of 0 = none. X holds
  /// what was applied when Y came about.
  std::vector<process::Tolerance> tolerances = {};
  /// Per objective what is judged over the tolerances; nothing, or an empty list = the expectation.
  std::vector<std::optional<process::RiskMeasure>> risks = {};
};

enum class Acquisition {
  automatic,  ///< see propose()
  log_expected_improvement,
  log_noisy_expected_improvement,
  upper_confidence_bound,
  upper_confidence_bound_pure_exploration,
  max_value_entropy,
  thompson,
  log_expected_hypervolume_improvement,
  log_noisy_expected_hypervolume_improvement,
  parego,
};

struct AcquisitionName {
  Acquisition acquisition;
  const char* name;
};
/// Every acquisition by its full name; "automatic" first.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT const std::vector<AcquisitionName>& acquisition_names();
/// @throws ConfigurationError on an unknown name, naming the nearest.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Acquisition acquisition_named(const std::string& name);
[[nodiscard]] LUBAN_RECOMMEND_EXPORT std::string name(Acquisition acquisition);

enum class TrustRegions {
  automatic,  ///< for one objective of more than 20 columns, or more than 1,000 runs
  never,
  always,
};

struct ProposeOptions {
  Acquisition acquisition = Acquisition::automatic;
  double beta = 4.0;           ///< 0 … 100 of the upper confidence bound: √β standard deviations
  Eigen::Index samples = 128;  ///< 16 … 65536 joint samples of the acquisitions that need some
  SearchOptions search = {};
  /// Whether to learn from the runs of one trust region alone and to search there.
  TrustRegions trust_regions = TrustRegions::automatic;
  bool fitted = false;  ///< the fit gives a surrogate of the responses as they are, however often it is asked
};

/// Fits a surrogate to runs. `like`, if not null, is one of the same runs with their responses mapped another way: near
/// enough for a climb to begin at its hyperparameters.
using ArrayFit = std::function<std::shared_ptr<const surrogate::Surrogate>(
    const features::Dataset& data, const surrogate::Surrogate* like, core::RandomKey key,
    const core::CallControl& control)>;

/// Points to try next, with what the refitted surrogate expects there.
struct LUBAN_RECOMMEND_EXPORT Proposed {
  Eigen::MatrixXd X;                     ///< (q, d) coded as the given X
  Eigen::MatrixXd mean;                  ///< (q, m) expected Y, over the tolerances where there are some
  Eigen::MatrixXd sd;                    ///< (q, m) of that expectation (latent)
  Eigen::MatrixXd risk;                  ///< (q, m) over the tolerances, of a target that of the distance; else NaN
  Eigen::MatrixXd risk_sd;               ///< (q, m) of that risk (latent); NaN where none is asked for
  Eigen::VectorXd acquisition;           ///< (q) its value, logarithms where its name says so, after the points before
  Eigen::VectorXd probability_feasible;  ///< (q) of all bounds together for the next run; 1 without bounds
  std::string acquisition_name;          ///< what was maximised, by its full name
  std::vector<std::string> warnings;     ///< sentences: what to know before these points are trusted
};

/// Refits a surrogate to arrays and proposes q points, one after the other, each as if the pending ones and those
/// before it had been measured: ask and tell for plain numbers.
///
/// `automatic` takes, for one objective, the log expected improvement (with the log probability of the bounds added)
/// where next to no noise is seen, sampled jointly with pending points where there are any; otherwise the noisy
/// improvement, sampled jointly with measured and pending points. For 2 to 4 objectives the expected hypervolume
/// improvement, noisy where noise is seen; for more, ParEGO. While nothing measured keeps the bounds, the log
/// probability of keeping them.
///
/// A trust region (TuRBO, Eriksson et al. 2019; with bounds SCBO, Eriksson and Poloczek 2021) follows from the runs in
/// their order, q of them a round: it is a box around the best of them that grows with success and shrinks with
/// failure, its sides in proportion to the lengthscales; when it has collapsed, 2 d runs are spread anew and the
/// earlier ones forgotten. That is what proposals in many columns, or after very many runs, need.
///
/// Up to 256 runs, a response is learned through a monotone map, the bilog of its distance to what matters, where that
/// makes its values more likely: one that only has a bound, on one side, around that bound, which leaves its
/// probability as it is (Eriksson and Poloczek 2021); a single objective in which next to no noise is seen around the
/// best value or the target (acquisitions are then of mapped values). What is expected of the points is told in the
/// responses' own units.
/// With `tolerances` points are judged by what comes of them when what is applied scatters around what is set: by
/// expectations, or, where an objective states a risk measure, by the worst outcomes; bounds by what the scatter adds
/// to the next run. Every acquisition works on these beliefs; `automatic` takes the noisy forms, since nothing measured
/// tells an expectation without doubt; responses are learned as they are. A trust region is centred at the run that is
/// judged best so. Ranges and relations are kept by what is set.
/// Every point keeps ranges exactly, linear relations up to rounding, nonlinear ones (`space.signomials`) up to 1e-6 of
/// their bound.
/// @throws DataError on shapes that do not fit, values that are not finite or no category, a response without a value;
/// ConfigurationError on q, options, objectives, tolerances, risks or an acquisition that do not fit, and on a
/// surrogate that cannot be averaged over tolerances; InfeasibleError naming ranges and relations that contradict each
/// other; StoppedError; whatever the fit throws.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT Proposed propose(const ArrayProblem& problem, int q, const ArrayFit& fit,
                                                      const ProposeOptions& options, core::RandomKey key,
                                                      const core::CallControl& control = {});

/// Whether a proposal takes milliseconds, mostly on one thread: a few points from few runs of one response that is
/// fitted here, searched in continuous columns with about as many samples and restarts as by default.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT bool quick(const ArrayProblem& problem, int q, const ProposeOptions& options);

/// A problem of continuous columns x1 … xd and one response to minimise, its X and Y still empty.
/// @param bounds (2, d), row 0 low, row 1 high, low ≤ high. @throws DataError otherwise.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT ArrayProblem box_problem(const Eigen::MatrixXd& bounds);

/// The runs of a problem as a dataset: each row a run of one reading, responses y1 … ym as they are.
/// @throws DataError as propose.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT features::Dataset array_dataset(const ArrayProblem& problem);

}  // namespace luban::recommend
