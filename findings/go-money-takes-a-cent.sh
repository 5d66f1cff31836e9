#!/usr/bin/env bash
# Rhymond/go-money 1.0.15 keeps whole cents, so that none is lost. NewFromFloat makes them of an amount, which encoding/json
# reads as a float64, and cuts: 19.99 is 1998 cents, 8.20 is 819. Of all prices from 0.01 to 100.00 each seventeenth has a
# cent less. An order of 19.99 is not "19.99 or more", so its buyer gets no voucher; sums of a customer do not agree with the
# shop's, and a refund is a cent short. No error is given, and 9.99 and 29.99 are right. Its comment says that trailing
# decimals are rounded down; 19.99 has none. New with math.Round(19.99 * 100) is right. (Its issues 121 and 124, open since
# 2022, have single amounts.)
#
# Output seen (cents made of an amount in JSON):
#   9.99: 999, 19.99: 1998, 29.99: 2999, 8.20: 819, 4.35: 434, 1.15: 114
#   19.99 is enough for a voucher from 19.99 on: false
#   prices from 0.01 to 100.00 with a cent less: 573 of 10000; with math.Round and New: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export GOPATH="$folder/gopath" GOFLAGS=-modcacherw
cat >go.mod <<'MOD'
module cents

go 1.21

require github.com/Rhymond/go-money v1.0.15
MOD
cat >cents.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/Rhymond/go-money"
)

type order struct {
	Amount float64 `json:"amount"`
}

func read(text string) float64 {
	var read order
	if err := json.Unmarshal([]byte(`{"amount": `+text+`}`), &read); err != nil {
		panic(err)
	}
	return read.Amount
}

func main() {
	told := []string{}
	for _, text := range []string{"9.99", "19.99", "29.99", "8.20", "4.35", "1.15"} {
		told = append(told, fmt.Sprintf("%s: %d", text, money.NewFromFloat(read(text), money.EUR).Amount()))
	}
	fmt.Println(strings.Join(told, ", "))

	enough, err := money.NewFromFloat(read("19.99"), money.EUR).GreaterThanOrEqual(money.New(1999, money.EUR))
	if err != nil {
		panic(err)
	}
	fmt.Println("19.99 is enough for a voucher from 19.99 on:", enough)

	cut, rounded := 0, 0
	for cents := int64(1); cents <= 10000; cents++ {
		amount := read(fmt.Sprintf("%d.%02d", cents/100, cents%100))
		if money.NewFromFloat(amount, money.EUR).Amount() == cents-1 {
			cut++
		}
		if money.New(int64(math.Round(amount*100)), money.EUR).Amount() != cents {
			rounded++
		}
	}
	fmt.Printf("prices from 0.01 to 100.00 with a cent less: %d of 10000; with math.Round and New: %d\n", cut, rounded)
}
GO
go mod tidy 2>log
go run . >seen
cat seen
diff seen - <<'SEEN'
9.99: 999, 19.99: 1998, 29.99: 2999, 8.20: 819, 4.35: 434, 1.15: 114
19.99 is enough for a voucher from 19.99 on: false
prices from 0.01 to 100.00 with a cent less: 573 of 10000; with math.Round and New: 0
SEEN
