#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/recommend/acquisition.hpp>
#include <luban/recommend/export.hpp>
#include <luban/recommend/reach.hpp>
#include <luban/recommend/search_region.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend {

/// What is searched: a value to maximise and constraints, the first `equalities` of them c = 0, the others c ≤ 0, by
/// coded inputs.
class LUBAN_RECOMMEND_EXPORT Landscape {
 public:
  struct Value {
    Eigen::VectorXd value;                   ///< (q)
    Eigen::MatrixXd gradient;                ///< (q, p)
    Eigen::MatrixXd constraints;             ///< (q, k)
    std::vector<Eigen::MatrixXd> jacobians;  ///< (k) of (q, p)
    Eigen::Index equalities = 0;
  };
  virtual ~Landscape();
  /// X (q, p). Const and thread-safe.
  [[nodiscard]] virtual Value evaluate(const Eigen::MatrixXd& X, bool gradients) const = 0;
};

/// An acquisition function on a surrogate, with outcome bounds that must keep their stated probability, points from
/// which the answer must stay away, and, perhaps, the reach of the training data, which it must not leave.
class LUBAN_RECOMMEND_EXPORT SurrogateLandscape final : public Landscape {
 public:
  struct Definition {
    std::shared_ptr<const surrogate::Surrogate> surrogate;
    std::shared_ptr<const AcquisitionFunction> acquisition;
    std::vector<OutcomeBound> bounds;
    Eigen::MatrixXd avoid;    ///< (k, p) points to keep away from; may have no rows
    double separation = 0.0;  ///< smallest distance from them over numeric columns; another category is far enough
    std::shared_ptr<const Reach> reach = nullptr;  ///< null = no limit
  };
  explicit SurrogateLandscape(Definition definition);
  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override;

 private:
  void add_bound(const surrogate::Posterior& posterior, const OutcomeBound& bound, bool gradients, Value& into) const;
  void add_separation(const Eigen::MatrixXd& X, Eigen::Index from, bool gradients, Value& into) const;
  Definition definition_;
};

struct SearchOptions {
  int raw_samples = 512;       ///< 16 … 1e6 scrambled Sobol points judged first
  int restarts = 10;           ///< 1 … 1000 local searches, from the best and from Boltzmann-drawn raw samples
  int max_iterations = 60;     ///< 1 … of each local search; smooth acquisitions settle in 10 to 30
  double boltzmann = 1.0;      ///< weight exp(boltzmann · standardised value) of a raw sample as a start
  int most_combinations = 64;  ///< discrete combinations up to which each is searched by itself
  int threads = 0;             ///< 0 = the CPU budget
  /// (p) > 0 by coded column, over which the landscape varies, as far as is known: steps are first taken in proportion.
  Eigen::VectorXd lengths = {};
};

struct LUBAN_RECOMMEND_EXPORT SearchResult {
  Eigen::VectorXd x;  ///< (p)
  double value = 0.0;
  double violation = 0.0;  ///< largest constraint above 0, nonlinear relations among them; 0 = admissible
  int evaluations = 0;     ///< points judged in all
  [[nodiscard]] bool admissible() const noexcept { return violation <= 0.0; }
};

/// Maximises a landscape over a region: Sobol samples, then independent quasi-Newton searches with exact bounds and
/// linear relations (sequential quadratic steps with dense BFGS; signomials are constraints of these), over every
/// combination of the discrete columns or, when they are too many, alternating with steps to neighbouring ones. The
/// same answer for any number of threads.
/// @param starts (k, p) further starting points; those outside the region are projected onto it.
/// @return the best admissible point; when none was found, the one that breaks the constraints least.
/// @throws ConfigurationError on an option out of range; StoppedError.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT SearchResult search(const SearchRegion& region, const Landscape& landscape,
                                                         const Eigen::MatrixXd& starts, const SearchOptions& options,
                                                         core::RandomKey key, const core::CallControl& control = {});

}  // namespace luban::recommend
