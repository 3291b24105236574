package main

import (
	"fmt"
	"os"

	"github.com/segmentio/analytics-go/v3"
)

// Close gives up what cannot be sent at once: a program that must not lose it waits.
type callback chan analytics.Message

func (c callback) Success(message analytics.Message)            { c <- message }
func (c callback) Failure(message analytics.Message, err error) { panic(err) }

func main() {
	delivered := make(callback, 1000)
	// docs:begin github.com/segmentio/analytics-go/v3
	client, err := analytics.NewWithConfig(os.Getenv("WRITE_KEY"), analytics.Config{
		Endpoint: os.Getenv("COLLECTOR"),
		Callback: delivered,
	})
	// docs:end
	if err != nil {
		panic(err)
	}
	at := &analytics.Context{Page: analytics.PageInfo{URL: "https://shop.example/cart?utm_source=mail", Title: "Cart"}}
	send := func(message analytics.Message) {
		if err := client.Enqueue(message); err != nil {
			panic(err)
		}
	}
	if os.Args[1] == "away" {
		send(analytics.Track{UserId: "u-1", Event: "While away"})
	} else {
		send(analytics.Track{UserId: "u-1", AnonymousId: "a-1", MessageId: "m-1", Event: "Signed up 🎉", Context: at,
			Properties: analytics.Properties{"plan": "né", "nested": map[string]any{"n": 1.5}}})
		send(analytics.Page{AnonymousId: "a-1", Name: "Cart", Context: at, Properties: analytics.Properties{"price": 3}})
		send(analytics.Screen{UserId: "u-1", Name: "Start"})
		send(analytics.Identify{UserId: "u-1", Traits: analytics.Traits{"city": "Zürich"}})
		send(analytics.Group{UserId: "u-1", GroupId: "g-1", Traits: analytics.Traits{"size": 4}})
		send(analytics.Alias{UserId: "u-1", PreviousId: "u-0"})
		for n := 0; n < 250; n++ {
			send(analytics.Track{UserId: "u-1", Event: "Many", Properties: analytics.Properties{"n": n}})
		}
	}
	fmt.Println("sent")
	if os.Args[1] == "away" {
		<-delivered
	}
	if err := client.Close(); err != nil {
		panic(err)
	}
}
