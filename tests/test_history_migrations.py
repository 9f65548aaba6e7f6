"""Older schemas open, after a backup. Each schema before the newest is recorded here, made by its own version."""

from __future__ import annotations

import base64
import os
import sqlite3
import zlib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chat_tui.chunks import ErrorInfo, Timings, Usage
from chat_tui.conversation import Conversation, Turn
from chat_tui.errors import HistoryError, SchemaTooNew
from chat_tui.history.migrations import MIGRATIONS
from chat_tui.history.opening import Settings
from chat_tui.history.store import Store
from chat_tui.route import Candidate, Route, Try

# By version 0.1.0: one question with two answers, below the second a third that was growing when its process died.
SCHEMA_1 = """
c-rmV-*4N-0S9m%N&T`dGftzbZJL@<5!hNi$4ce}P1|Koq9$G(r}dAdMc1mdbe1?vq(YwTs#$<3-P-QQLkH|-z=l0-SYKA44|^yE3>z@)Zy5G6
tZ4GEw%Ph){rRvvQkE!NO1vNF7VY~1MUi*MyW^2k#NM5|_~@L;sJ?1D6@%%ArCkys(wB8zk|c${My0m9_)87!ljcjxmsm~ePLU?_BqS1QpNRcY
{|x{D0000006shWVsY=;{I?Qc000000002sf7XL!NE!);Ni-@+)1&!}6h8IT-!Gh-mcmb88@zg*s256g-E?(UqPn|Q*H_9ldh9sWR~(bBP7Zj_
{~t?y0RR910001hz7tYLV)=~!{Qs%M7XSbN00000=tGJkdE@^T?T?anU3-JS0RR910002MttF}`$yn8-c^Z|K1YtGDQZ=F+h~;f-ojR_;OxqIA
|7v_u(q4`KKK>oP0RR910000xHLdQEMq*@iG@OWv{diowjKhlIx~9tvi@D69M#Z#>n{%}b)F?clh{Ix|`@)IX=3)Ed#-Y|xdAm|AQ$~Xa%~&=o
QD^eGlAQ34zO#9BW?$s_$n<SSrgeCkT18e09$dEbM){yyvCHMkq0eUyPghoqvSH<E;n<)2Q@NC?xkizuj$TSt9bP=kF?)?#Zt7@eY9iIF5Pynn
1s~$U%w|Tp6>?aFluT=lpKdE~njdWBOSI5VHj$z(Gb;w8h15~z)aYe?oGBW~6~!~Q%5pB{kFEv2KQ)<|NEK?1_Xyh#J~TNkiWfQNs?=#lq>g@J
YI3Su{?u`7N94{c$3s&~w!K)kH&UWx-d=u)?((2X9>!0C@t_Na$;2*ikae>_`SB^QA$d^6F3>XH4>l<eb|`b|#)`<WS@5c9nQke^?*iAhL<Ziq
;YrJspQc^o<s81eVARXhES7XPZ!kt3-V~FkE0c3X+$T~Zc%RJ1FJ@{kb-LXm-KPKR*Is_@^~NjLfAteF{$JJJkhG7qceKCo4FCWD00000xHXBX
{ueW0WrP@qRqySP;=N^L|L_05F7X8b00000003@Xdr3$l>Ah;nD6i^<#TR#jI;>>ZiY4Yf{|~<}@dW??00000pub#+%Bu9u#HEzW9D~tfJ#{p-
IrSkWrY2Ygv%n+V)X^s{wMO-CpDw}Ex_R57VnV`^=C(Im!L3p;&0uQs{>u|7Z#aJ{b@|DO6m!g-WGaUHSE~G|jCXY2u86q^{&Txm!`8$BFL7{Q
#8kI=5nk|yVKQ3i2)z8{W%2wk?ZPbq00000007X>{PF*9NqhkS000000DyilLezLTDTSZDHhA@~qXoxUWdq*x|ECgP000000001>4=GAK=J)@<
FKL+n4*&oF0002cUt&Z_jM!Cb<uiW&|A!J^000000001>&qS0&O#BxB(f=RP&Pv)x+Ml%_XeGW0000000000tvgdo>;D{nk@||7LDZ{c^i8_ib
s|Q|eMm@r#^w^YR)XUT?mSkBb18!dY#ec`Nin6Sz@l)UQ(yCHpH&6UvXlkWgqeKo9*>s7l5XD`q6FEc_o;i_KqHL7-zD$(Y8?O*KN|b9azeePU
8jD1^#DF4AiP{lGkrYCRObCDDhfBMZ0nz`jXm3i|$J)F64FCWD00000ZgF9i3=u{4-eftX#`s&@d;Wi0JpaGP-v9sr00000;FhN<iZo1AnXkpT
0ckkm&;Nf<;tK!(000000Q8YTWiMH$j%(VM>dpTjUiat!9~u4y-vj^v00000_z%f!PLwb4opDu6lvjvCok_kH6XuCx*^IAkR#Loa?ur@~8sx?1
)c7l5e&m`urMr2VC<bG)EZ56?GjA}yre=``I40jLmUO-@=`LUU6Yi}d-z-xRX%#2=+A-=p*tGbjn>YBHQHKXG$~Ws}D)Yia-m>`$HSXP<qkrWq
ydvM`6<H}0*_)s*yK8*KN<<D{d-*jnC!d6l>0(YkQC7+|zNWfJc1$PYY<0d_7n`Ol)@$CjnDEalqca}4Rww>cf1=drG2&16=M~deh(b(4B7P~y
h#C%sLb0f*p{S?7Qg1l_e-iWm0RR910002`OSk#|82=9d000000MMU;<Ny8V|92(6000000000${}@ukv6vKo`r6>t>%@Ql|3u;o000000002=
A5|eSum4}w-jcLWwGXs+_yzy~000000Nm<N{4t`6l_FNMqQqkU^Z%Qh&;R%ffB*mh00000x44i(_>+I|`Cp3p<NrU9_yPa`000000R1JZBuIf8
1#kSnv<nRa00000007X>@b~`!00000008=$_xJze+J{ms@{$yPLHo7#e0+L9ix0&<7yW7ErSO{(8aBhf34I(|4-xexb-(gsWkUX${4jZ&{G1$@
ekV0{P|BsdBFTFbq;bZy3iKIPbF7?MsoD+`n|n_zXdgy2TnhjI_&;}LcPx_Jzn?s3Gh?Mp4aSUosX{H*-WoWukeyk|>Ps`n=dyY`Tpu6Mo7QMu
pPgUIp2{xhk1WidomqHXKa+i2pIKfyH#^UdKbxIjnrI~#{}i{<&!1b;=a=W^^o8uh*@f)<iR_}EV4UZg*3ZrBC$n=|UjB)h#S=3pv+ZmwqeAti
>|;x<Jlb&;S}=_qt5<ub$lDeZXK{S)-0@bl7n^R#(MU3xB#pe+D2`oY{wmhd6kd=%-f=d;v)}0n=?=}?PNB1+>BdULtHg8ndX=b}H1DsX9hLBc
{_B^5@t<0~8k&_%Yt6KZo$-E4f9u&$B$-H%?_TguQWPd$;f_=EtMIR$p}D1D_2v25N0<3IoX(y&qmT3G2fw6`jio#84Dr9KHkfJOxNSNT-n5OX
h9mB`%?$tPHg@cC&zsrhpV!`Zy2C%$w6IxnJHp<usI#SYPG%pTS)N<sEfQ!#@l(2;!S=*c?X<i>3TB>dFKmrgyMz`fzv|uU=KpBViHj{N82Dt{
{Foh7+GP$u>tcNeN%OYL`1P2X3)YJnX4&0R_V(MnYkuAD_&`$s<{t}(lMf__<TbB*v1~G$GiuEC_H*8&OGd0CkEr3~efN>az0XK9p-V5;sFmNk
8|wJvY>6Bf-<T78Fa6xtNhEpT0D0j7FVEnO9Nd;Wa_hX^Kf}*s=l$E|4zE=UH%Y<&X<Oa#M{hB^_3)}`Sv&jy)GS`zoh9Ar&EIUIzzt@yt=|RR
KLd4_(MqoB*p;e(<N9~r5ha{FbD-Cq7rf57L%}`uh`i$iGr>KD|I~<z-y0bJ4*&oF0002c|Kj|Wh&&-_FKA!Y)Zsr2e=UABelac$eSauE_@lww
2Yxy5)W99FS7X!BzeRr-jqs!Z007WiBYltP%8y<dZS|$*ijGln+gr`<ob$5_OUpBJf$mj5+Up!xUYwmjrLQt~S|1nvT@$UI@`ps<LbGR#?^w1)
MP#{Fv0U?6%7dmRbY`zn%ikMgjw$lh^M)%rp?E50u2VfTmTqYKyt+2l+I8Kqor2rm>RneadPj8)R;Ff|dAmTrn9&_tvDay?U>bRc*C_AmQ)B7#
cZZYr?I(UuMthKh*A3U+y{B2L+4+;%$Mh}9L=RGMc!UT`AKx2J?oW~@ynMaRdM~ZFb$3T@?MRVPvtQrK<7Q(Ty-b?jXntOSG$J#<mn+yIGZE-x
O6wO+XBV=;UZ>f`R>xA|&PX!N3s1HScbP+tifI+a-d!Ch(HY+^+v{rHEXePz=GUZ^aO~tAVR4GNb|HRux!AmOdkM|H^j7x%e)@beoIIEy8|_?z
=PUy5*q&EMw`SMIN<Vcw&-Xwx-;Q1`(XSW`NOt7EEvd-Avl~@}rW;BklAJz38uxE6VWpm9W~HNx_V(U|G*fRcr`bh1p$9H_tN(G)yVCZaNb=x8
(ui;Q{tzv+Y8JNzBszMB$F{|fjjshegeUZMUhwSF>2u3V`og&jvnLzmHhyoVN#midC7Ok2I`{VUEQ?2ujk~mH@^fR<sZ8kAqGeA6OAbb-x74As
J0kkl8zWn*z?;k1vU^+4N{HAo(RbaYBYZ+%DckuqZ=g}y9@*B$-q%^Mje`NZyA&CWziAu0yCTU<rsMql;|q3Pd~0tH8R=PMGePeYb)WUmvO%<M
7uL^W^TM|FcJ(an-@UNI+b(SLEH*D}dspjy$~(QV>3BH#P_kFgc(rWs@Ai!MHhg}_A6+)+59|_Q-YVWXuuBB#<LyCiotN1t*S3rRNT&yHRE2_L
tg>9jdmGvq@T+jvtAZEitp+=);01Ml6?Umg&%qa6hRdY?0i~ILC;
"""

RECORDED = [SCHEMA_1]

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def recorded(folder: Path, schema: int) -> Path:
    file = folder / "history.db"
    file.write_bytes(zlib.decompress(base64.b85decode("".join(RECORDED[schema - 1].split()))))
    return file


def number(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def with_moods(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE conversation ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'")


def with_a_slip(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE conversation ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'")
    db.execute("ALTER TABLE nobody ADD COLUMN mood TEXT")


LATER = Settings(migrations=(*MIGRATIONS, with_moods))
BROKEN = Settings(migrations=(*MIGRATIONS, with_a_slip))


def test_every_older_schema_is_recorded() -> None:
    assert len(RECORDED) == len(MIGRATIONS) - 1


@pytest.mark.parametrize("schema", range(1, len(RECORDED) + 1))
@pytest.mark.parametrize("settings", [Settings(), LATER])
async def test_a_recorded_store_opens_with_all_that_is_in_it(tmp_path: Path, schema: int, settings: Settings) -> None:
    file = recorded(tmp_path, schema)
    store = await Store.open(file, settings)
    (row,) = await store.conversations()
    assert (row.id, row.title, row.created, row.turns) == ("c1", "Why is the sky blue?", AT, 4)
    conversation = await store.conversation("c1")
    assert conversation.system_prompt == "Be brief."
    assert [(turn.id, turn.parent, turn.state) for turn in conversation.path] == [
        ("q1", None, "complete"),
        ("a2", "q1", "complete"),
        ("a3", "a2", "broken"),
    ]
    assert (conversation.path[2].text, conversation.path[2].thinking) == ("half an answer", "thought")
    assert await store.route("a1") == Route(
        "balanced", (Candidate("local/smollm2-135m", 0.7, {"speed": 0.9}),), (Try("local/smollm2-135m", 1, "answered"),)
    )
    for query, turn in [("空", "q1"), ("cattering", "a1"), ("half answer", "a3")]:
        assert [hit.turn for hit in await store.search(query)] == [turn]
    assert await store.draft("") == "draft"
    assert await store.place("open") == "c1"
    await store.add_turn("c1", Turn("user", "And now?", id="q2", parent="a1"))
    assert (await store.conversation("c1")).path[1] == Turn(
        "assistant",
        "Rayleigh scattering.",
        id="a1",
        parent="q1",
        created=AT,
        thinking="Hm.",
        model="local/smollm2-135m",
        strategy="balanced",
        state="length",
        finish_reason="length",
        usage=Usage(10, 20, 30, 5, 3, True),
        timings=Timings(0.1, 2.5, 40.0, True),
        cost=0.5,
        error=ErrorInfo("TooSlow", "Too slow.", "Wait.", "local", "smollm2-135m", True),
        left_out=3,
    )
    await store.close()


async def test_a_migration_keeps_a_backup_of_what_was(tmp_path: Path) -> None:
    file = recorded(tmp_path, 1)
    store = await Store.open(file, LATER)
    await store.close()
    assert number(file) == len(LATER.migrations)
    backup = tmp_path / "history.schema-1.db"
    assert number(backup) == 1
    assert os.stat(backup).st_mode & 0o777 == 0o600
    old = await Store.open(backup)
    assert len((await old.conversation("c1")).path) == 3
    await old.close()
    with pytest.raises(SchemaTooNew):
        await Store.open(file)


async def test_no_backup_is_made_of_a_store_that_is_new_or_up_to_date(tmp_path: Path) -> None:
    for settings in (LATER, LATER):
        store = await Store.open(tmp_path / "history.db", settings)
        await store.close()
    assert sorted(os.listdir(tmp_path)) == ["history.db", "history.db.owners"]


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = recorded(tmp_path, 1)
    with pytest.raises(HistoryError, match="nobody"):
        await Store.open(file, BROKEN)
    assert number(file) == 1
    store = await Store.open(file, LATER)
    assert len((await store.conversation("c1")).path) == 3
    await store.close()


async def test_a_store_of_an_older_schema_is_recovered_into_the_newest(tmp_path: Path) -> None:
    file = recorded(tmp_path, 1)
    (tmp_path / "history.db.damaged").touch()
    store = await Store.open(file, LATER)
    assert "conversations: 1, turns: 4" in store.notice
    await store.add_conversation(Conversation("c2"))
    assert len((await store.conversation("c1")).path) == 3
    await store.close()
    assert number(file) == len(LATER.migrations)
