"""Steady states, Langmuir's isotherm and the mass audit, without a solver."""

import numpy as np
import pytest

from sdf1_field.errors import RunError
from sdf1_field.transport import Coat, Ledger, Transport, bound_in_steady_state

COAT = Coat(sites=5000.0, association_rate=2e-3, dissociation_rate=8e-3, loss_rate=1e-4)


def test_recombinant_ligand_fills_the_coat_to_langmuirs_isotherm():
    lossless = Coat(5000.0, 2e-3, 8e-3, 0.0)
    half = lossless.dissociation_rate / lossless.association_rate
    assert bound_in_steady_state(lossless, np.array(half)) == pytest.approx(2500.0)
    assert bound_in_steady_state(lossless, np.array(12.6)) == pytest.approx(5000 * 12.6 / 16.6)


def test_steady_state_without_any_loss_is_refused():
    with pytest.raises(RunError, match="every wall is closed and nothing is lost"):
        Transport(150.0, 0.0).require_steady_state()


@pytest.mark.parametrize(
    "transport",
    [Transport(150.0, 1e-5), Transport(150.0, 0.0, COAT), Transport(150.0, 0.0, bath=0.0)],
)
def test_steady_state_needs_one_way_out(transport):
    transport.require_steady_state()


def test_audit_balances_and_reports_the_missing_share():
    ledger = Ledger().book(secreted=60.0, added=40.0).book(degraded=10.0, removed=20.0)
    assert ledger.imbalance(in_medium=50.0, bound=20.0) == 0.0
    assert ledger.imbalance(in_medium=40.0, bound=20.0) == pytest.approx(0.1)
    assert Ledger().imbalance(0.0, 0.0) == 0.0
    assert ledger.with_minimum(-0.5).with_minimum(2.0).minimum == -0.5
